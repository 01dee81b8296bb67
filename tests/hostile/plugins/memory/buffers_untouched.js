// Reserves memory outside the heap and never touches it.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (;;) kept.push(new ArrayBuffer(1 << 24));
}
