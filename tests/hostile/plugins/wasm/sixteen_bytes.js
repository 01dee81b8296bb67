// Imports many modules of sixteen bytes, the engine's smallest limit, each of which is four gigabytes of memory.
// expect: clean, error, out_of_memory
// limits: memory_bytes=128MiB, timeout_s=5
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = "data:application/wasm;base64," +
    btoa("\0asm\u0001\0\0\0\u0005\u0006\u0001\0\u0080\u0080\u0004\0".slice(0, 15));
  for (let turn = 0; turn < 64; turn++) await import(url + "#" + turn);
}
