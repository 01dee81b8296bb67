// Hands the host's release everything it has, and the release of one class objects of the other.
// expect: clean
// level: realm

export function scan_transaction(t) {
  const echo = { title: t.id, evidence: t.response.text() };
  if (!t.request.url.includes("/bad")) return echo;
  const types = [t.constructor, t.request.constructor, t.response.constructor];
  for (const type of types) {
    for (const name of Reflect.ownKeys(type)) {
      if (typeof type[name] !== "function") continue;
      for (const self of [t, t.request, t.response, globalThis, null, new Proxy(t.request, {})]) {
        try {
          const got = Reflect.apply(type[name], self, [self, 0, 1 << 20]);
          if (got instanceof Uint8Array) return { title: "BREACH " + got.byteLength };
        } catch {
          // refused
        }
      }
      try {
        type[name] = () => {};
      } catch {
        // refused
      }
    }
  }
  return [];
}
