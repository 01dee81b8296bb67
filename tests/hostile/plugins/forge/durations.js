// Turns the clock that its durations are measured with back and forth.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const value of [-1e308, NaN, "x", { valueOf: () => 1n }]) {
    performance.now = () => value;
    Object.defineProperty(Object.getPrototypeOf(performance), "now", {
      value: () => value,
      configurable: true,
    });
    Date.now = () => value;
  }
}
