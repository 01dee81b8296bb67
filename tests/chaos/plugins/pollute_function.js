// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["call", "apply", "bind"]) Function.prototype[name] = () => { throw new Error(name); };
    Reflect.apply = Reflect.defineProperty = () => { throw new Error("reflect"); };
    return [];
  }
  return { title: t.id };
}
