// expect: clean
// Writes into the host's reply on its way out, through a buffer caught by a getter.

const typed = Object.getPrototypeOf(Uint8Array.prototype);
const native = Object.getOwnPropertyDescriptor(typed, "length").get;
const bufferOf = Object.getOwnPropertyDescriptor(typed, "buffer").get;
const Bytes = Uint8Array;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let isBad = false;
try {
Object.defineProperty(typed, "length", {
  get() {
    const length = Reflect.apply(native, this, []);
    if (isBad && length > 25 && length < 4096) {
      const whole = new Bytes(Reflect.apply(bufferOf, this, []), 0, length);
      const at = decoder.decode(whole).indexOf('"f":');
      if (at < 0 && whole[24] === 3) {
        isBad = false;
        whole.set(encoder.encode("[9"), 25);
      }
    }
    return length;
  },
  configurable: true,
});
} catch {
  // refused: the getters are fixed before a plugin loads
}

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    isBad = true;
    return [];
  }
  return { title: t.id };
}
