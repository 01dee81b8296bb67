// Returns a million findings.
// expect: invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return new Array(1_000_000).fill({ title: "again" });
}
