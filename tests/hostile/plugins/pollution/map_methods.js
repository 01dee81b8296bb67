// Replaces the methods of maps and sets.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const type of [Map, Set, WeakMap]) {
    for (const name of ["get", "set", "has", "delete", "forEach", "clear"]) {
      type.prototype[name] = () => undefined;
    }
  }
}
