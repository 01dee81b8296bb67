// Catches the decoder that the host makes for a charset by the mark the engine puts on it, and feeds it and takes the body away before it decodes.
// expect: clean, error
// level: realm

const [brand] = Object.getOwnPropertySymbols(new TextDecoder());
const decode = TextDecoder.prototype.decode;
let current = null;
let caught = 0;
Object.defineProperty(TextDecoder.prototype, brand, {
  set(value) {
    Object.defineProperty(this, brand, { value, configurable: true });
    caught++;
    if (current === null) return;
    try {
      decode.call(this, new Uint8Array([104, 97]), { stream: true });
      current.response.body.buffer.transfer();
      current.response.text();
    } catch {
      // refused
    }
  },
  configurable: true,
});
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  current = t;
  let text = "";
  try {
    text = t.response.text();
  } finally {
    current = null;
  }
  const own = t.request.headers["x-own-marker"];
  if (text.replaceAll(own, "").includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
  return caught > 0 ? [] : { title: "no decoder was made" };
}
