// Backtracks exponentially through nested quantifiers.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  /^(a+)+$/.test("a".repeat(60) + "!");
}
