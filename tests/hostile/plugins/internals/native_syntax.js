// Calls the functions that engine tests use.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + (0, eval)("%GetUndetectable()") };
}
