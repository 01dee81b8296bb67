// Clones the host's objects in the hope that the copy has more than the original.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  for (const value of [t.request, t.response, t, isoscan, performance, new AbortController().signal]) {
    try {
      seen.push(structuredClone(value));
    } catch {
      // refused
    }
  }
  const found = seen.flatMap((value) => Object.values(value)).filter((value) => value instanceof ArrayBuffer);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
