// Reports an object at the end of a very long chain of prototypes.
// expect: error, clean, findings, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let layer = { title: "deep" };
  for (let level = 0; level < 50_000; level++) layer = Object.create(layer);
  return layer;
}
