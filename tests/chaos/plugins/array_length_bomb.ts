// expect: out_of_memory, error
// Four thousand million zeros.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    new Array(2 ** 32 - 1).fill(0);
  }
  return { title: t.id };
}
