// Asks each call site for its function, and calls what it gets.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Error.prepareStackTrace = (_, sites) => sites;
  Error.stackTraceLimit = Infinity;
  const found = new Error("x").stack.map((site) => site.getFunction()).filter((made) => made !== undefined);
  return found.length === 0 ? [] : { title: "BREACH " + found.map(String) };
}
