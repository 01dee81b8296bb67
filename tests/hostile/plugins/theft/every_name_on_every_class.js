// Answers for every name the engine may ask of any class, and looks for memory among those who asked.
// expect: clean
// level: realm

const classes = [
  Array,
  ArrayBuffer,
  Error,
  Map,
  Object,
  Promise,
  RegExp,
  Set,
  String,
  TextDecoder,
  Uint8Array,
];
classes.push(URLSearchParams, Function, Number, Boolean, TextEncoder, EventTarget, Event);
const bufferOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "buffer").get;
const names = new Set([
  "callback",
  "snapshot",
  "args",
  "asyncId",
  "triggerAsyncId",
  "memory",
  "payload",
  "order",
]);
for (const type of classes) {
  for (const name of Reflect.ownKeys(type.prototype)) names.add(name);
}
for (const name of ["constructor", "toString", "valueOf", "then"]) names.delete(name);
const memories = new Set();
function lookAt(self) {
  try {
    memories.add(ArrayBuffer.isView(self) ? bufferOf.call(self) : self);
  } catch {
    // not memory
  }
}
function shadow() {
  for (const { prototype } of classes) {
    if (prototype === Object.prototype) continue;
    for (const name of names) {
      if (Object.hasOwn(prototype, name)) continue;
      const parent = Object.getPrototypeOf(prototype);
      Object.defineProperty(prototype, name, {
        get() {
          lookAt(this);
          return Reflect.get(parent, name, this);
        },
        set(value) {
          lookAt(this);
          Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
        },
        configurable: true,
      });
    }
  }
}
try {
  shadow();
} catch {
  // refused
}

export function scan_transaction(t) {
  const own = t.request.headers["x-own-marker"];
  const decoder = new TextDecoder();
  for (const memory of memories) {
    if (!(memory instanceof ArrayBuffer)) continue;
    const text = decoder.decode(memory).replaceAll(own, "");
    if (text.includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
  }
  memories.clear();
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
