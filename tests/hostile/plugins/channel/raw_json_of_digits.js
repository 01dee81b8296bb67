// Puts a number of ten thousand digits into a finding, more than the owner's parser converts.
// expect: invalid_findings, findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "raw", a: JSON.rawJSON("9".repeat(10_000)) };
}
