// Catches the channel's buffers when the engine asks a byte array for its length.
// expect: clean
// level: realm

const seen = [];
const typed = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of ["length", "byteLength", "byteOffset", "buffer"]) {
  const { get } = Object.getOwnPropertyDescriptor(typed, name);
  try {
    Object.defineProperty(typed, name, {
      get() {
        const value = Reflect.apply(get, this, []);
        if (seen.length < 1000) seen.push(this);
        return value;
      },
    });
  } catch {
    // refused
  }
}

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return seen.length === 0 ? [] : { title: "BREACH " + seen.length };
}
