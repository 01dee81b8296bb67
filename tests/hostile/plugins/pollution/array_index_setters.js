// Swallows what is written into arrays with setters on their prototype.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let index = 0; index < 16; index++) {
    Object.defineProperty(Array.prototype, String(index), {
      set() {},
      get: () => ["forged"],
      configurable: true,
    });
  }
}
