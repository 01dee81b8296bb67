// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    Object.defineProperty(Object.prototype, "then", { value: undefined, configurable: true, writable: true });
    return [];
  }
  return { title: t.id };
}
