// Imports the host's file once more under another name, to run it a second time with a channel of its own.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = /file:[^\s)]*?\.js/.exec(new Error("x").stack)?.[0];
  for (const ending of ["?again", "#again"]) {
    const found = await import(url + ending).catch(() => null);
    if (found !== null) return { title: "BREACH ran again" };
  }
}
