// Gives the root of all objects methods of disposal, and looks whose resources they are asked to close.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  for (const symbol of [Symbol.dispose, Symbol.asyncDispose]) {
    Object.defineProperty(Object.prototype, symbol, {
      get() {
        seen.push(this);
        return () => {};
      },
      configurable: true,
    });
  }
  await new Promise((done) => setTimeout(done, 1));
  const found = seen.filter((self) => self !== globalThis && "rid" in Object(self));
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
