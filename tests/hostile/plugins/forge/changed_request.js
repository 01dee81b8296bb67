// Changes the transaction it reports on before it reports.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const [name, value] of [["url", "http://bank.example/"], ["method", "DELETE"], ["id", "another"]]) {
    Object.defineProperty(t.request, name, { value, configurable: true });
  }
  Object.defineProperty(t, "id", { value: "another", configurable: true });
  return { title: "named" };
}
