// Puts other objects into the transaction, so that its own parts might be forgotten when it ends.
// expect: clean
// level: realm

let kept = null;
export function scan_transaction(t) {
  const parts = { request: t.request, response: t.response };
  const echo = { title: t.id, evidence: t.response.text() };
  if (t.request.url.includes("/bad")) {
    try {
      return kept.response.text() === kept.own ? [] : { title: "BREACH " + kept.response.text() };
    } catch {
      return [];
    }
  }
  if (kept === null) {
    kept = { ...parts, own: echo.evidence };
    for (const name of ["request", "response"]) {
      Object.defineProperty(t, name, { value: {}, configurable: true, writable: true });
    }
  }
  return echo;
}
