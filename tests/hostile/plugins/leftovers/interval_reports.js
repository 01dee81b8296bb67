// Reports from an interval in the scans after its own.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  setInterval(() => isoscan.report({ title: "BREACH late interval" }), 0);
}
