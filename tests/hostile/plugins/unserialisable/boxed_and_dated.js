// Reports with boxed texts, invalid dates, maps and typed arrays in the place of fields.
// expect: findings, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: Object("boxed"),
    evidence: new Date(NaN),
    location: new Map([["a", 1]]),
    extra: new Float64Array([NaN, Infinity, -0]),
  };
}
