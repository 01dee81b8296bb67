// Swallows what is assigned to objects, under every name the host's records have.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const names =
    "title evidence d f i e c x s name message stack value get set then callback snapshot args level frame first isOpen serial entries"
      .split(" ");
  for (const name of names) {
    Object.defineProperty(Object.prototype, name, {
      __proto__: null,
      get: () => undefined,
      set() {},
      configurable: true,
    });
  }
}
