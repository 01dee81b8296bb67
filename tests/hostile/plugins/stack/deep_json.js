// Reports a finding a hundred thousand levels deep.
// expect: invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let deep = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  return { title: "deep", deep };
}
