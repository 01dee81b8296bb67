// Stores something for the next plugin.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  localStorage.setItem("a", t.id);
  return { title: "BREACH " + localStorage.length };
}
