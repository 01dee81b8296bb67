// expect: clean, error
// Getters that throw for names the host might use.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["writable", "enumerable", "configurable", "snapshot", "args", "depth", "polluted"]) {
      Object.defineProperty(Object.prototype, name, { __proto__: null, get: () => { throw new Error(name); }, configurable: true });
    }
    return [];
  }
  return { title: t.id };
}
