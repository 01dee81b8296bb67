// Fills the heap with long strings.
// expect: out_of_memory
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let turn = 0;; turn++) kept.push(String(turn).repeat(100_000).replace(/0/g, "xy"));
}
