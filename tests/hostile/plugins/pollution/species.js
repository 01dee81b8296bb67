// Gives arrays, buffers, regular expressions and maps a species of its own.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const type of [Array, ArrayBuffer, RegExp, Map, Set, Promise, Object.getPrototypeOf(Uint8Array)]) {
    Object.defineProperty(type, Symbol.species, { get: () => class Forged {}, configurable: true });
  }
}
