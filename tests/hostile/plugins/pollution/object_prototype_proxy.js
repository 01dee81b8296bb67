// Puts a proxy behind the prototypes of arrays and functions.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const trap = new Proxy(Object.create(null), { get: () => undefined, has: () => true, set: () => true });
  for (const type of [Array, Function, Promise, Map, Error]) Object.setPrototypeOf(type.prototype, trap);
}
