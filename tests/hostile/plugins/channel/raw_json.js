// Uses raw JSON values, which are written as they stand, to put text beside its finding.
// expect: findings, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "raw",
    a: JSON.rawJSON("1e999"),
    b: JSON.rawJSON("9".repeat(400)),
    c: JSON.rawJSON('"x"'),
    d: JSON.rawJSON("-0.0"),
  };
}
