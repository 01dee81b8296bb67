// Looks for refused globals and members two million times.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let i = 0; i < 500_000; i++) {
    void globalThis.fetch;
    void globalThis.localStorage;
    void Deno.readFileSync;
    void Deno["connect"];
  }
}
