// Imports the host's own file by the name a stack trace gives away, to find a capability among its exports.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const stack = new Error("x").stack;
  const url = /file:[^\s)]*?\.js/.exec(stack)?.[0];
  if (url === undefined) return [];
  const found = await import(url);
  const names = Object.keys(found);
  return names.length === 0 ? [] : { title: "BREACH " + names };
}
