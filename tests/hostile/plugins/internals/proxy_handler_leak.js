// Hands the host a proxy as finding and keeps every argument its traps are given.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  const note = (name) => (...args) => {
    seen.push(...args);
    return Reflect[name](...args);
  };
  const handler = {};
  for (const name of Reflect.ownKeys(Reflect)) if (typeof name === "string") handler[name] = note(name);
  const target = { title: "BREACH kept open", toJSON: () => ({ title: "harmless" }) };
  delete target.title;
  isoscan.report(new Proxy(target, handler));
  const found = seen.filter((value) => typeof value === "function" && value.constructor !== Function);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
