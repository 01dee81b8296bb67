// Returns an array of holes, as long as arrays can be.
// expect: invalid_findings, error, clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return new Array(2 ** 32 - 1);
}
