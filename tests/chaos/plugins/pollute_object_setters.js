// expect: clean
// Setters that swallow what is assigned.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["title", "value", "d", "f", "name", "message", "then", "order", "memory", "get", "set", "callback", "request", "response", "0", "1", "length"]) {
      Object.defineProperty(Object.prototype, name, Object.assign(Object.create(null), { set() {}, get: () => undefined, configurable: true }));
    }
    return [];
  }
  return { title: t.id };
}
