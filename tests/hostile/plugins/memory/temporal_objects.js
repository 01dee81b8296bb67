// Keeps date objects, which the engine keeps outside the heap.
// expect: out_of_memory
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let turn = 0;; turn++) {
    kept.push(Temporal.PlainDateTime.from("2020-01-01T00:00").add({ seconds: turn % 1000 }));
  }
}
