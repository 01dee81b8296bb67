// Makes every object a thenable that never answers.
// expect: clean, timeout, error
// then: findings, timeout, error
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Object.prototype.then = function () {};
}
