// Transfers, resizes and clones the buffer behind its body to see more of it.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { buffer } = t.response.body;
  const larger = buffer.transfer(1 << 16);
  const text = new TextDecoder().decode(larger).replaceAll(t.request.headers["x-own-marker"], "");
  return text.includes("marker-") ? { title: "BREACH " + text.slice(0, 200) } : [];
}
