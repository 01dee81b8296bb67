// Tells the engine that every byte array is empty, so that it reads orders for ever and gets none.
// expect: clean
// limits: timeout_s=2
// level: realm

Object.defineProperty(Uint8Array.prototype, "length", { get: () => 0 });

export function scan_transaction(t) {
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
