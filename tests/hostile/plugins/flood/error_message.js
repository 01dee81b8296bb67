// Throws an error with a message of sixty megabytes.
// expect: error
// limits: memory_bytes=512MiB
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  throw new Error("x".repeat(60_000_000));
}
