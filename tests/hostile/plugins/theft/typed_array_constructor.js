// Replaces the constructors that its body is copied with.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  const Native = Uint8Array;
  globalThis.Uint8Array = class extends Native {
    constructor(...args) {
      seen.push(...args);
      super(...args);
    }
  };
  t.request.body;
  t.response.body;
  t.response.text();
  const found = seen.filter((value) => value instanceof ArrayBuffer);
  return found.length === 0 ? [] : { title: "BREACH " + new TextDecoder().decode(found[0]).slice(0, 200) };
}
