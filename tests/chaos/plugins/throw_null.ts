// expect: error
// Nothing was thrown.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    throw null;
  }
  return { title: t.id };
}
