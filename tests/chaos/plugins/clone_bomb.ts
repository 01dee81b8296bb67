// expect: out_of_memory, error
// Doubles through structuredClone.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    let whole: unknown = new Uint8Array(1 << 20);
    for (;;) whole = structuredClone([whole, whole]);
  }
  return { title: t.id };
}
