// Reports on another address under names that a reader might prefer.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "named",
    request: { url: "http://bank.example/" },
    uri: "http://bank.example/",
    host: "bank.example",
  };
}
