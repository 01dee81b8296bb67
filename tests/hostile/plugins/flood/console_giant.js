// Prints one line of sixty megabytes.
// expect: clean
// limits: memory_bytes=512MiB
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  console.log("x".repeat(60_000_000));
}
