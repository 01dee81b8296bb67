// Gives every object a toJSON.
// expect: clean
// then: findings, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Object.prototype.toJSON = () => ({ title: "forged" });
}
