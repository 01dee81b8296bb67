// Lets one resizable buffer grow, page by page.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const buffer = new ArrayBuffer(0, { maxByteLength: 2 ** 32 });
  for (let size = 1 << 20;; size += 1 << 20) {
    buffer.resize(size);
    new Uint8Array(buffer).fill(1, size - (1 << 20));
  }
}
