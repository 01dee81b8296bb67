// expect: out_of_memory, error
// Grows past the limit in place.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const memory = new ArrayBuffer(1, { maxByteLength: 2 ** 32 });
    memory.resize(2 ** 32);
    new Uint8Array(memory).fill(1);
  }
  return { title: t.id };
}
