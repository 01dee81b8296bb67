// Reports a proxy whose target is gone.
// expect: error, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { proxy, revoke } = Proxy.revocable({}, {});
  setTimeout(revoke, 0);
  revoke();
  isoscan.report(proxy);
}
