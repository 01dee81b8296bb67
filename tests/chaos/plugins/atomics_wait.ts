// expect: timeout, error, clean
// Would block the thread for ever.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const memory = new (globalThis as any).SharedArrayBuffer(16);
    Atomics.wait(new Int32Array(memory), 0, 0);
  }
  return { title: t.id };
}
