// expect: error, invalid_findings
// Infinite recursion while its finding is written.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const found = { title: "x", get again() { return this.again; } };
    return found;
  }
  return { title: t.id };
}
