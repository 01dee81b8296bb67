// Spells a file's URL in ways that a check and a loader may read differently.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const path = t.request.headers["x-canary-json"];
  const spellings = [
    "FILE://" + path,
    "file:" + path,
    "file://localhost" + path,
    "file:///." + path,
    "file:///proc/self/root" + path,
    "file:///proc/self/cwd" + path,
    "file://" + path + "%00",
    "file://" + path + "?x",
    "file://" + path.replace("canary", "%63anary"),
    "file:\\\\" + path,
  ];
  for (const url of spellings) {
    const found = await import(url, { with: { type: "json" } }).catch(() => null);
    if (found !== null) return { title: "BREACH " + url };
  }
}
