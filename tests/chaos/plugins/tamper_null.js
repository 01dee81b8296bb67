// expect: clean
// Takes the transaction apart.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    t.request = null;
    t.response = undefined;
    Object.setPrototypeOf(t, null);
    return [];
  }
  return { title: t.id };
}
