// Defines a longer body on its response and has it decoded.
// expect: clean, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Object.defineProperty(t.response, "bodyLength", { value: 1 << 16 });
  const text = t.response.text().replaceAll(t.request.headers["x-own-marker"], "");
  return text.includes("marker-") ? { title: "BREACH " + text.slice(0, 200) } : [];
}
