// Makes events by hand and looks at what the engine keeps on them under hidden symbols.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const event = new PromiseRejectionEvent("unhandledrejection", {
    promise: Promise.resolve(),
    reason: 1,
    cancelable: true,
  });
  const values = Object.getOwnPropertySymbols(event).map((symbol) => event[symbol]);
  const found = values.filter((value) => typeof value === "function");
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
