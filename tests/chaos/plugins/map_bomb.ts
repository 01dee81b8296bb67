// expect: out_of_memory, error
// Runs into the limit of a Map or of the heap.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const kept = new Map<number, object>();
    for (let i = 0;; i++) kept.set(i, { i });
  }
  return { title: t.id };
}
