// Registers symbols, which live as long as the engine.
// expect: out_of_memory, timeout
// limits: timeout_s=10
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let i = 0;; i++) Symbol.for(`${i}${"z".repeat(10_000)}`);
}
