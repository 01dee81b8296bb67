// expect: clean
// then: invalid_findings, findings
// Changes what every object is written as.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    Object.prototype.toJSON = () => "[]";
    return [];
  }
  return { title: t.id };
}
