// expect: clean
// Breaks the classes of transaction and message.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const type = Object.getPrototypeOf(t.request);
    for (const layer of [type, Object.getPrototypeOf(type), Object.getPrototypeOf(t)]) {
      for (const name of Object.getOwnPropertyNames(layer)) {
        if (name === "constructor" || name === "url") continue;
        try { Object.defineProperty(layer, name, { get() { throw new Error(name); } }); } catch { /* stays */ }
      }
    }
    return [];
  }
  return { title: t.id };
}
