// Watches the accessors of array buffers while the host decodes.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  for (const name of ["byteLength", "maxByteLength", "resizable", "detached"]) {
    const { get } = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, name) ?? {};
    try {
      Object.defineProperty(ArrayBuffer.prototype, name, {
        get() {
          seen.push(this);
          return Reflect.apply(get, this, []);
        },
      });
    } catch {
      // refused
    }
  }
  t.response.text();
  return seen.length === 0 ? [] : { title: "BREACH " + seen.length };
}
