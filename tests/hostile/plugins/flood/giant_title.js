// Reports a title of sixty megabytes.
// expect: invalid_findings
// limits: memory_bytes=512MiB
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "x".repeat(60_000_000) };
}
