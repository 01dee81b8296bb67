// expect: timeout, out_of_memory
// The microtask queue never runs dry.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const again = (): unknown => Promise.resolve().then(again);
    return again();
  }
  return { title: t.id };
}
