// expect: error
// Nothing is left that could settle it.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return new Promise(() => {});
  }
  return { title: t.id };
}
