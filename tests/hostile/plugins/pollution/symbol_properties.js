// Puts every well-known symbol on the root of all objects.
// expect: clean
// level: realm

for (const name of Object.getOwnPropertyNames(Symbol)) {
  if (typeof Symbol[name] !== "symbol" || name === "toPrimitive" || name === "iterator") continue;
  Object.defineProperty(Object.prototype, Symbol[name], {
    get: () => undefined,
    set() {},
    configurable: true,
  });
}
Object.defineProperty(Object.prototype, Symbol.isConcatSpreadable, { value: true });
Object.defineProperty(Function.prototype, "prototype", {
  get: () => Uint8Array.prototype,
  configurable: true,
});
export function scan_transaction(t) {
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
