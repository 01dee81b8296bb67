// Replaces the methods of WeakMap and Reflect and keeps what the engine looks up with them.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  for (
    const [owner, name] of [[WeakMap.prototype, "get"], [WeakMap.prototype, "has"], [Reflect, "get"], [
      Reflect,
      "apply",
    ]]
  ) {
    const own = owner[name];
    owner[name] = function (...args) {
      seen.push(this, ...args);
      return own.call(this, ...args);
    };
  }
  new URL("http://a/").searchParams.get("a");
  new TextDecoder().decode(t.response.body);
  console.log({ a: new Map([[1, 2]]) });
  return seen.length === 0 ? [] : { title: "BREACH " + seen.length };
}
