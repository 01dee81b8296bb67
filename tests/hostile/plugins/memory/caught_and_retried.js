// Catches the refusal of memory and asks again, for less.
// expect: out_of_memory, timeout
// limits: memory_bytes=96MiB, timeout_s=3
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let size = 1 << 26;;) {
    try {
      kept.push(new Uint8Array(size).fill(1));
    } catch {
      size = Math.max(64, size >> 1);
    }
  }
}
