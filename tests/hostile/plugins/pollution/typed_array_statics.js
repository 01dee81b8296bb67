// Replaces what byte arrays and buffers are made and moved with.
// expect: clean
// level: realm

for (const type of [Uint8Array, ArrayBuffer, Object.getPrototypeOf(Uint8Array), Uint32Array, DataView]) {
  for (const name of Reflect.ownKeys(type.prototype)) {
    if (name === "constructor" || typeof type.prototype[Symbol.toStringTag] === "undefined") continue;
    try {
      Object.defineProperty(type.prototype, name, { value: () => new ArrayBuffer(8), configurable: true });
    } catch {
      // refused
    }
  }
  for (const name of ["from", "of", "fromBase64", "fromHex", "isView"]) {
    if (Object.hasOwn(type, name)) type[name] = () => type.prototype;
  }
  try {
    Object.defineProperty(type, Symbol.species, { get: () => Array });
    type.prototype.constructor = Array;
  } catch {
    // refused
  }
}
export function scan_transaction(t) {
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
