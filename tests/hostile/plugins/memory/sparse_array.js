// Fills a sparse array until it becomes a dense one.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const sparse = [];
  sparse[2 ** 31] = 1;
  for (let index = 0;; index += 3) sparse[index] = { index };
}
