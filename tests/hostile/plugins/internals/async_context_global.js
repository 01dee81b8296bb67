// Looks for the language's async contexts, with which a late call could pass for one on time.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["AsyncContext", "AsyncLocalStorage", "AsyncResource"].filter((name) => name in globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
