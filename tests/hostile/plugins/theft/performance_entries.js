// Reads the list of what the engine has timed.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = JSON.stringify(performance.getEntries?.() ?? []);
  return found.includes("shop.example") ? { title: "BREACH " + found } : [];
}
