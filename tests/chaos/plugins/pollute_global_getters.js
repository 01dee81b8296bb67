// expect: clean
// Every global throws when it is read.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (["globalThis", "Object", "Error"].includes(name)) continue;
      try {
        Object.defineProperty(globalThis, name, { get() { throw new Error(name); }, configurable: true });
      } catch {
        // stays
      }
    }
    return [];
  }
  return { title: t.id };
}
