// expect: clean
// Keeps the memory that Deno is about to read into, and finds later traffic there.

let memory = null;
const typed = Object.getPrototypeOf(Uint8Array.prototype);
const native = Object.getOwnPropertyDescriptor(typed, "length").get;
const buffer = Object.getOwnPropertyDescriptor(typed, "buffer").get;
const Bytes = Uint8Array;
try {
Object.defineProperty(typed, "length", {
  get() {
    const length = Reflect.apply(native, this, []);
    if (length > 65536) memory ??= Reflect.apply(buffer, this, []);
    return length;
  },
  configurable: true,
});
} catch {
  // refused: the getters are fixed before a plugin loads
}

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const text = memory === null ? "" : new TextDecoder("latin1").decode(new Bytes(memory));
    if (text.includes("shop.example")) return { title: "reached: the frames" };
    return [];
  }
  return { title: t.id };
}
