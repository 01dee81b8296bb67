// Looks whether the buffer behind its body is larger than the body.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const message of [t.request, t.response]) {
    const { buffer, byteOffset, length } = message.body;
    if (buffer.byteLength !== length || byteOffset !== 0) {
      return { title: "BREACH " + new TextDecoder().decode(buffer) };
    }
  }
}
