// Puts an error class of its own in the global's place, whose form of the stack is handed the call sites of the host.
// expect: clean
// level: realm

const found = [];
const Native = Error;
globalThis.Error = class extends Native {};
globalThis.Error.prepareStackTrace = (_, sites) => {
  for (const site of sites) found.push(site.getThis(), site.getFunction());
  return sites;
};
globalThis.TypeError = class extends Native {
  static prepareStackTrace(_, sites) {
    for (const site of sites) found.push(site.getThis(), site.getFunction());
    return "";
  }
};
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const provoke of [() => null.x, () => isoscan.readAsset("x"), () => t.request.text.call(1)]) {
    try {
      provoke();
    } catch (error) {
      error.stack;
    }
  }
  const foreign = found.filter((value) => value !== undefined && value !== globalThis);
  return foreign.length === 0 ? [] : { title: "BREACH " + foreign.map(String).join(" ").slice(0, 200) };
}
