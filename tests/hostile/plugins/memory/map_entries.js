// Fills a map until the engine refuses.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const map = new Map();
  for (let turn = 0;; turn++) map.set({ turn }, String(turn));
}
