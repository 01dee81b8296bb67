// Reads from its own stack trace where on the disk the host lies, and with it the user's name.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = /file:\/\/\/[^\s):]+/.exec(new Error("x").stack);
  return found === null || found[0].startsWith("file:///dev/fd/") ? [] : { title: "BREACH " + found[0] };
}
