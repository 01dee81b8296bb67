// With network granted, keeps blobs, whose bytes lie outside the heap and outlive their objects.
// expect: out_of_memory, error, crashed, interrupted
// limits: memory_bytes=96MiB, timeout_s=15
// permissions: net=127.0.0.1:9
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const part = new Uint8Array(1 << 20).fill(7);
  for (;;) URL.createObjectURL(new Blob([part, part, part, part]));
}
