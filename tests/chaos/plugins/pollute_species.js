// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const type of [Array, ArrayBuffer, Promise, RegExp, Map, Set, Object.getPrototypeOf(Uint8Array)]) {
      Object.defineProperty(type, Symbol.species, { get() { throw new Error("species"); }, configurable: true });
    }
    return [];
  }
  return { title: t.id };
}
