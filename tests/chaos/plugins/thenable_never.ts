// expect: error
// A thenable that forgets its callers.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { then() {} };
  }
  return { title: t.id };
}
