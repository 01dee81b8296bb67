// Fills memory while it is loaded.
// expect: not_loaded
// limits: memory_bytes=96MiB, load_timeout_s=10
// level: host

const kept = [];
for (;;) kept.push(new Array(10_000).fill(kept.length + 0.5));
export function scan_transaction(t) {
  return { title: t.id };
}
