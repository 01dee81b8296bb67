// expect: out_of_memory
// Memory outside the heap, never written to.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const kept: ArrayBuffer[] = [];
    for (;;) kept.push(new ArrayBuffer(1 << 26));
  }
  return { title: t.id };
}
