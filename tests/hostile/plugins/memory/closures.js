// Keeps closures that each hold something large.
// expect: out_of_memory
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let turn = 0;; turn++) {
    const large = new Array(1000).fill(turn);
    kept.push(() => large);
  }
}
