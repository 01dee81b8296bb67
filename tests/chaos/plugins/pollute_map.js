// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["get", "set", "delete", "clear", "forEach"]) Map.prototype[name] = () => { throw new Error(name); };
    globalThis.Map = class {};
    return [];
  }
  return { title: t.id };
}
