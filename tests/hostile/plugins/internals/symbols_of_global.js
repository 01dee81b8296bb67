// Takes the host's event handlers out of the global object's hidden symbol and calls them with objects of its own.
// expect: clean, error, crashed
// then: findings,error,timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const made = [];
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    for (const [name, entries] of Object.entries(globalThis[symbol]?.listeners ?? {})) {
      for (const { callback } of entries) {
        for (
          const event of [
            undefined,
            {},
            new Event(name),
            new ErrorEvent(name, { error: new Error("forged") }),
          ]
        ) {
          try {
            made.push(callback(event));
          } catch (error) {
            if (error.constructor.constructor !== Function) made.push(error);
          }
        }
      }
    }
  }
  const found = made.filter((value) => value !== undefined);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
