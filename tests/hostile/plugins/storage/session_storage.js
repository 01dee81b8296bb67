// Stores something for its later lives.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  sessionStorage.setItem("a", t.id);
  return { title: "BREACH " + sessionStorage.length };
}
