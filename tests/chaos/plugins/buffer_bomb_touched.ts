// expect: out_of_memory
// Memory outside the heap, written to.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const kept: Uint8Array[] = [];
    for (;;) kept.push(new Uint8Array(1 << 24).fill(7));
  }
  return { title: t.id };
}
