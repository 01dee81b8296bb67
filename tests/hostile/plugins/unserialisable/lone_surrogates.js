// Reports halves of characters, which UTF-8 has no form for.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "a\ud800b\udc00c", evidence: "\udfff".repeat(1000), ["\ud800"]: "\ud800" };
}
