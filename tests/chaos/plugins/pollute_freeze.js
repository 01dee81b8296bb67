// expect: clean
// Nothing can be changed any more.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      const value = globalThis[name];
      if (value === globalThis) continue;
      if (typeof value === "function" || (typeof value === "object" && value !== null)) {
        Object.freeze(value);
        if (value.prototype) Object.freeze(value.prototype);
      }
    }
    Object.freeze(Object.getPrototypeOf(Uint8Array.prototype));
    return [];
  }
  return { title: t.id };
}
