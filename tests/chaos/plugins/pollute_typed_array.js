// expect: clean, error

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const typed = Object.getPrototypeOf(Uint8Array.prototype);
    for (const name of ["buffer", "length", "byteLength", "byteOffset"]) {
      Object.defineProperty(typed, name, { get: () => 0, configurable: true });
    }
    for (const name of ["set", "fill", "subarray", "slice"]) typed[name] = () => { throw new Error(name); };
    Object.defineProperty(ArrayBuffer.prototype, "byteLength", { get: () => 0 });
    globalThis.Uint8Array = globalThis.ArrayBuffer = class {};
    return [];
  }
  return { title: t.id };
}
