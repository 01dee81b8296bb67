// expect: timeout
// Never returns.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    for (;;);
  }
  return { title: t.id };
}
