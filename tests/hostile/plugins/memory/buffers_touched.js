// Fills memory outside the heap with buffers, and touches every page.
// expect: out_of_memory
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (;;) kept.push(new Uint8Array(1 << 20).fill(7));
}
