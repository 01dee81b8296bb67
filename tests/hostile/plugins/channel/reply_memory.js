// Waits with accessors between byte arrays and their class for the array its reply is written from, and changes the reply.
// expect: clean
// level: realm

const bufferOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "buffer").get;
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length").get;
let isArmed = false;
function change(self) {
  if (!isArmed) return;
  const memory = bufferOf.call(self);
  if (memory.byteLength < 1 << 15) return;
  const bytes = new Int8Array(memory);
  for (let i = 0; i < 4096; i++) if (bytes[i] === 0x67) bytes[i] = 0x68;
}
const real = Object.getPrototypeOf(Uint8Array.prototype);
Object.setPrototypeOf(
  Uint8Array.prototype,
  new Proxy(real, {
    get(target, name, self) {
      change(self);
      return name === "length" ? lengthOf.call(self) : Reflect.get(target, name, self);
    },
    has(target, name) {
      return Reflect.has(target, name);
    },
  }),
);
export function scan_transaction(t) {
  const echo = { title: t.id, evidence: t.response.text() };
  isArmed = true;
  return t.request.url.includes("/bad") ? [] : echo;
}
