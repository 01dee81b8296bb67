// Compiles ever new regular expressions and keeps them.
// expect: out_of_memory
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let turn = 0;; turn++) {
    const made = new RegExp(`${turn}(a|b${turn})*[^${turn}]{1,500}`.repeat(50));
    made.test("x");
    kept.push(made);
  }
}
