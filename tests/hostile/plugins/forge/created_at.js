// Dates its finding back and gives it a fingerprint.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "named", created_at: "1970-01-01T00:00:00Z", fingerprint: "0".repeat(32), id: "0" };
}
