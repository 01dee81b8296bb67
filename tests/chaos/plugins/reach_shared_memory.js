// expect: clean
// Would make a clock fine enough for side channels.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    let memory;
    try { memory = new SharedArrayBuffer(8); } catch { /* gone */ }
    try { memory ??= new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer; } catch { /* gone */ }
    if (memory) return { title: "reached: shared memory" };
    return [];
  }
  return { title: t.id };
}
