// Looks for stores that browsers have.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["cookieStore", "document", "openDatabase", "storage", "name", "history"].filter((name) =>
    name in globalThis
  );
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
