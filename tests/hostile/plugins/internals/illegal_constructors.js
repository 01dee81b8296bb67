// Constructs what may not be constructed with the brand that marks the engine's objects.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const brand = Object.getOwnPropertySymbols(globalThis).find((symbol) => String(symbol).includes("brand"));
  const made = [];
  for (const type of [globalThis.constructor, SubtleCrypto, Crypto, CryptoKey, AbortSignal]) {
    try {
      made.push(new type(brand));
    } catch {
      // refused
    }
  }
  const found = made.filter((object) => object.Deno?.core?.print || object.process);
  return found.length === 0 ? [] : { title: "BREACH" };
}
