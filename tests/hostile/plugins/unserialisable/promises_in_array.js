// Returns an array of promises, which nobody awaits.
// expect: invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [Promise.resolve({ title: "a" }), Promise.resolve({ title: "b" })];
}
