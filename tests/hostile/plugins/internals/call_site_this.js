// Takes call sites from Error.prepareStackTrace and asks each for its receiver.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Error.prepareStackTrace = (_, sites) => sites;
  Error.stackTraceLimit = Infinity;
  const found = new Error("x").stack
    .map((site) => site.getThis())
    .filter((self) => self !== undefined && self !== null && self !== globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found.map(String) };
}
