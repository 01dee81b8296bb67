// Replaces clocks and chance.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Date.now = Math.random = performance.now = () => NaN;
  globalThis.Date = class {};
  crypto.getRandomValues = () => null;
}
