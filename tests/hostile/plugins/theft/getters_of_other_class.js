// Calls the getters of a request on a response and the other way round, and both on everything else.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const parts = [t.request, t.response];
  const others = [t, {}, Object.create(t.request), new Proxy(t.response, {}), new Uint8Array(9), globalThis];
  const own = t.request.headers["x-own-marker"];
  for (const part of parts) {
    const prototype = Object.getPrototypeOf(part);
    for (const name of Reflect.ownKeys(prototype)) {
      const { get, value } = Object.getOwnPropertyDescriptor(prototype, name);
      for (const self of [...parts, ...others]) {
        if (self === part || name === "constructor") continue;
        try {
          const got = JSON.stringify(Reflect.apply(get ?? value, self, [])) ?? "";
          if (got.replaceAll(own, "").includes("marker-")) return { title: "BREACH " + got.slice(0, 200) };
        } catch {
          // refused
        }
      }
    }
  }
}
