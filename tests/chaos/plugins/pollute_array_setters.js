// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    Object.defineProperty(Array.prototype, "0", { set() {}, get: () => "forged", configurable: true });
    return [];
  }
  return { title: t.id };
}
