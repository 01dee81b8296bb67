// Has the parser read an expression a hundred thousand brackets deep.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  (0, eval)("(".repeat(100_000) + ")".repeat(100_000));
}
