// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["push", "pop", "join", "map", "forEach", "slice", "splice", "concat", "indexOf"]) {
      Array.prototype[name] = () => { throw new Error(name); };
    }
    Array.prototype[Symbol.iterator] = function* () { yield "forged"; };
    Array.isArray = () => false;
    Array.from = () => [];
    return [];
  }
  return { title: t.id };
}
