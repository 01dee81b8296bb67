// expect: out_of_memory, error
// One allocation that cannot be.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    new ArrayBuffer(2 ** 40);
  }
  return { title: t.id };
}
