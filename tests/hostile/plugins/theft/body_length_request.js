// Enlarges the length of its request's body and reads on behind its end.
// expect: clean, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  t.request.bodyLength = 1 << 16;
  return /marker-/.test(
      new TextDecoder().decode(t.request.body).replaceAll(t.request.headers["x-own-marker"], ""),
    )
    ? { title: "BREACH " + new TextDecoder().decode(t.request.body).slice(0, 200) }
    : [];
}
