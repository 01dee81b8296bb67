// Keeps the bytes that the text encoder makes.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  const text = "x".repeat(1 << 20);
  for (;;) kept.push(new TextEncoder().encode(text));
}
