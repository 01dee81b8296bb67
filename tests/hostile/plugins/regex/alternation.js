// Backtracks through alternatives that overlap.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  /^(a|aa|aaa)+$/.test("a".repeat(60) + "!");
}
