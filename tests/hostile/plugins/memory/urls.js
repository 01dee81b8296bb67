// Keeps URL objects, part of which lies outside the heap.
// expect: out_of_memory
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let turn = 0;; turn++) kept.push(new URL("http://a.example/" + "x".repeat(5000) + turn));
}
