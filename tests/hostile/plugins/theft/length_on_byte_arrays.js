// Puts a length of its own between byte arrays and their class, and keeps the array the engine reads orders into.
// expect: clean
// level: realm

const memories = new Set();
const bufferOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "buffer").get;
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length").get;
for (const name of ["length", "byteLength", "byteOffset", "buffer"]) {
  try {
    Object.defineProperty(Uint8Array.prototype, name, {
      get() {
        memories.add(bufferOf.call(this));
        return lengthOf.call(this);
      },
    });
  } catch {
    // refused
  }
}

export function scan_transaction(t) {
  const echo = { title: t.id, evidence: t.response.text() };
  const own = t.request.headers["x-own-marker"];
  for (const memory of memories) {
    let text = "";
    const bytes = new Uint8Array(memory);
    for (let i = 0; i < 20000 && i < memory.byteLength; i++) text += String.fromCharCode(bytes[i]);
    if (text.replaceAll(own, "").includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
  }
  memories.clear();
  return t.request.url.includes("/bad") ? [] : echo;
}
