// Keeps views of every typed array it can make while it loads, when the order with the nonce still lies in memory.
// expect: clean
// level: realm

const early = [];
for (let index = 0; index < 64; index++) early.push(new Uint8Array(65_536));

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const text = new TextDecoder("latin1");
  for (const bytes of early) if (/[^\0]/.test(text.decode(bytes))) return { title: "BREACH old bytes" };
}
