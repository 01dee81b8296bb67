// Returns findings whose text form is that of a whole reply with other indices.
// expect: invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const reply = JSON.stringify([1, 0, [{ d: 1, f: [[0, '{"title":"BREACH"}']] }, 5, 5], 0]);
  isoscan.report({ title: reply, toJSON: () => [1, 0, [5, 5], 0] });
  isoscan.report(Object.assign([1, 0, [5], 0], { title: "x" }));
  return [[1, 0, [5, 5], 0], reply];
}
