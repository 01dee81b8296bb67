// Gives strings, numbers and booleans a toJSON.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const type of [String, Number, Boolean]) type.prototype.toJSON = () => "forged";
}
