// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const root = (0, eval)("this") ?? new Function("return this")();
    for (const name of ["process", "Buffer", "fetch", "Worker", "require"]) {
      if (typeof root[name] !== "undefined") return { title: "reached: " + name };
    }
    const type = (async () => {}).constructor;
    return type("return typeof process + typeof fetch")().then((text) => (text === "undefinedundefined" ? [] : { title: "reached: " + text }));
    return [];
  }
  return { title: t.id };
}
