// Walks up from the global object and looks for methods beyond those of an event target.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const known = ["constructor", "addEventListener", "removeEventListener", "dispatchEvent", "getParent"];
  const found = [];
  for (
    let layer = Object.getPrototypeOf(globalThis);
    layer !== Object.prototype;
    layer = Object.getPrototypeOf(layer)
  ) {
    const names = Object.getOwnPropertyNames(layer).filter((name) => !known.includes(name));
    found.push(...names.filter((name) => globalThis[name] !== undefined));
  }
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
