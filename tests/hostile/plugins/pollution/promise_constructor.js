// Gives promises a constructor that collects executors.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Object.defineProperty(Promise.prototype, "constructor", {
    get: () => class Trap extends Promise {},
    configurable: true,
  });
}
