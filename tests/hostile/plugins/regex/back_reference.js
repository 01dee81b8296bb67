// Backtracks over references to what was matched, which no linear engine can run.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  /^(?:(a+)\1?)+$/.test("a".repeat(80) + "!");
}
