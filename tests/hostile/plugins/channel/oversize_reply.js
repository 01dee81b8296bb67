// Makes a finding larger than any reply may be.
// expect: invalid_findings, out_of_memory, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const half = "x".repeat(1 << 28);
  return { title: "big", a: half, b: half };
}
