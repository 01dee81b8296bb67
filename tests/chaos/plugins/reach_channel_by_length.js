// expect: clean
// Catches the channel's own buffers when Deno asks them for their length.

const seen = [];
const typed = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of ["length", "byteLength", "byteOffset", "buffer"]) {
  const native = Object.getOwnPropertyDescriptor(typed, name).get;
  try {
    Object.defineProperty(typed, name, {
      get() {
        if (seen.length < 100) seen.push([name, this]);
        return Reflect.apply(native, this, []);
      },
      configurable: true,
    });
  } catch {
    // refused: the getters are fixed before a plugin loads
  }
}

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    if (seen.length > 0) return { title: "reached: " + seen.map(([name]) => name) };
    return [];
  }
  return { title: t.id };
}
