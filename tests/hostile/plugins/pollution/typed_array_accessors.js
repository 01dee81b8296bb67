// Replaces the accessors of byte arrays by lies.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  for (const name of ["length", "byteLength", "byteOffset", "buffer"]) {
    Object.defineProperty(typed, name, { get: () => 1 });
  }
  return { title: "BREACH replaced" };
}
