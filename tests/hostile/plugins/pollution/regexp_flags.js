// Replaces the flags, the species and the last index of regular expressions.
// expect: clean
// level: realm

for (const name of ["flags", "global", "sticky", "hasIndices", "unicode", "unicodeSets", "source"]) {
  Object.defineProperty(RegExp.prototype, name, { get: () => (name === "flags" ? "gyd" : true) });
}
Object.defineProperty(RegExp, Symbol.species, { get: () => () => ({ exec: () => ["utf-16le"] }) });
for (const name of ["match", "replace", "search", "split", "matchAll"]) {
  RegExp.prototype[Symbol[name]] = () => ["forged"];
}
export function scan_transaction(t) {
  const { q } = t.request.query_params;
  if (q !== t.request.headers["x-own-marker"]) return { title: "BREACH " + q };
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
