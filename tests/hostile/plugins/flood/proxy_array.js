// Returns an array that says it has four billion elements.
// expect: invalid_findings, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return new Proxy([], { get: (target, name) => name === "length" ? 2 ** 32 - 1 : { title: "again" } });
}
