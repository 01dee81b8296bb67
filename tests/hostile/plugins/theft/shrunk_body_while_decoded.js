// Transfers its body away and asks for its text, and asks for the body again.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const own = t.request.headers["x-own-marker"];
  const body = t.response.body;
  const taken = body.buffer.transfer(1 << 16);
  let text = new TextDecoder().decode(taken);
  for (const read of [() => t.response.text(), () => t.response.body, () => JSON.stringify(t.response)]) {
    try {
      text += read();
    } catch {
      // refused
    }
  }
  if (text.replaceAll(own, "").includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
}
