// expect: clean
// then: invalid_findings, findings

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    String.prototype.toJSON = () => "forged";
    Number.prototype.toJSON = () => 1;
    Array.prototype.toJSON = () => [];
    return [];
  }
  return { title: t.id };
}
