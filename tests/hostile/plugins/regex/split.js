// Splits by an expression that backtracks.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  ("x" + "a".repeat(60) + "!").split(/x(a+)+\n/);
}
