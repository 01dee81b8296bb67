// Reports an object with keys that some readers take for a prototype.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return JSON.parse(
    '{"title":"named","__proto__":{"plugin_id":"another"},"constructor":{"prototype":{"url":"x"}}}',
  );
}
