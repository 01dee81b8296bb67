// The same beside a lone surrogate, which sends the owner to its second parser.
// expect: invalid_findings, findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "raw \ud800", a: JSON.rawJSON("9".repeat(10_000)), b: JSON.rawJSON("1e400") };
}
