// Replaces call, apply and bind of all functions.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => "forged";
}
