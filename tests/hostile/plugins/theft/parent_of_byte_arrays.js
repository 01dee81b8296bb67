// Puts a proxy behind the class of byte arrays and keeps every array that is asked for anything.
// expect: clean
// level: realm

const seen = new Set();
Object.setPrototypeOf(
  Uint8Array.prototype,
  new Proxy(Object.getPrototypeOf(Uint8Array.prototype), {
    get(target, name, receiver) {
      seen.add(receiver);
      return Reflect.get(target, name, receiver);
    },
  }),
);

export function scan_transaction(t) {
  const kept = [...seen];
  seen.clear();
  const own = t.request.headers["x-own-marker"];
  for (const bytes of kept) {
    const text = new TextDecoder().decode(bytes.buffer).replaceAll(own, "");
    if (text.includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
  }
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
