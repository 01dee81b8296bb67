// Keeps the first transaction unread and reads its headers when its memory holds another.
// expect: clean
// level: realm

let kept = null;
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    kept ??= t;
    return { title: t.id, evidence: t.response.text() };
  }
  const reads = [
    () => JSON.stringify(kept.request.headers),
    () => JSON.stringify(kept.request.rawHeaders),
    () => JSON.stringify(kept.request.query_params),
    () => JSON.stringify(kept.response.headers),
    () => JSON.stringify(kept),
  ];
  for (const read of reads) {
    try {
      return { title: "BREACH " + read() };
    } catch {
      // refused
    }
  }
  return [];
}
