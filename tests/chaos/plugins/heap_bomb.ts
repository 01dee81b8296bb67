// expect: out_of_memory
// Fills V8's heap.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(1e5).fill(kept));
  }
  return { title: t.id };
}
