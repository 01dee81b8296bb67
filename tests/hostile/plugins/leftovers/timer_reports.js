// Reports from a timer when its scan is over.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  setTimeout(() => isoscan.report({ title: "BREACH late timer" }), 0);
  setTimeout(() => console.log("BREACH late timer"), 1);
}
