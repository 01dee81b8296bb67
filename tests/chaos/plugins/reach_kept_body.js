// expect: clean
// Keeps an earlier body, and its buffer, and looks whether later bytes appear in them.

let kept = null;
let copy = "";

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const now = new TextDecoder().decode(kept);
    if (now !== copy || kept.buffer.byteLength !== kept.byteLength) return { title: "reached: " + now };
    return [];
  }
  if (kept === null) {
    kept = t.response.body;
    copy = new TextDecoder().decode(kept);
  }
  return { title: t.id };
}
