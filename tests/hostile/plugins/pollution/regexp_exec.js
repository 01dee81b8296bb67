// Replaces the way regular expressions run.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  RegExp.prototype.exec = () => ["forged", "forged"];
  RegExp.prototype[Symbol.replace] = RegExp.prototype[Symbol.match] = () => "forged";
}
