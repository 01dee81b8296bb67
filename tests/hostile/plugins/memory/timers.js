// Starts timers without end.
// expect: out_of_memory, error, timeout
// limits: memory_bytes=96MiB, timeout_s=4
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (;;) setTimeout(() => {}, 1e8);
}
