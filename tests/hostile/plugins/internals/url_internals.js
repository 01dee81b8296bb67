// Hands the engine's own methods objects that only look like theirs.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const made = [];
  for (
    const [type, name] of [[URL, "href"], [AbortController, "signal"], [TextDecoder, "encoding"], [
      Event,
      "target",
    ]]
  ) {
    const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
    for (
      const self of [
        globalThis,
        t,
        Object.create(type.prototype),
        new Proxy(Object.create(type.prototype), {}),
      ]
    ) {
      try {
        made.push(Reflect.apply(get, self, []));
      } catch {
        // refused
      }
    }
  }
  const found = made.filter((value) => typeof value === "function" || value === globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
