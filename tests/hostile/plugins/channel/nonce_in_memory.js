// Allocates memory that others have freed and searches it for 32 hex digits or a frame's head.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let turn = 0; turn < 200; turn++) {
    const words = new Uint32Array(16_384);
    for (let index = 0; index < words.length; index++) {
      if (words[index] !== 0) return { title: "BREACH old bytes" };
    }
  }
}
