// Grows memory that no heap limit counts.
// expect: error, out_of_memory
// limits: memory_bytes=128MiB, timeout_s=5
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
  for (;;) new Uint8Array(memory.buffer, memory.grow(100) * 65_536).fill(1);
}
