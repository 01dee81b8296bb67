// Allocates memory in many sizes and searches it for what others left there.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const text = new TextDecoder("latin1");
  for (let size = 16; size < 1 << 21; size *= 2) {
    for (let turn = 0; turn < 8; turn++) {
      if (/[^\0]/.test(text.decode(new ArrayBuffer(size)))) return { title: "BREACH old bytes" };
    }
  }
}
