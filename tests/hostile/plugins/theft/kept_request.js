// Keeps the first transaction with its body unread and reads that when its memory holds another.
// expect: clean
// level: realm

let kept = null;
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    if (kept === null) {
      kept = t;
      kept.request.headers;
    }
    return kept === t
      ? { title: t.id, evidence: t.response.text() }
      : { title: t.id, evidence: t.response.text() };
  }
  for (const read of [() => kept.request.text(), () => new TextDecoder().decode(kept.request.body)]) {
    let text = "";
    try {
      text = read();
    } catch {
      // refused
    }
    if (text.replaceAll(kept.request.headers["x-own-marker"], "").includes("marker-")) {
      return { title: "BREACH " + text };
    }
  }
  return [];
}
