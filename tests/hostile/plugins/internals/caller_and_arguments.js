// Asks sloppy functions for their caller and its arguments.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const sloppy = new Function("return arguments.callee.caller");
  const found = sloppy();
  return found === null || found === scan_transaction
    ? []
    : { title: "BREACH " + String(found).slice(0, 80) };
}
