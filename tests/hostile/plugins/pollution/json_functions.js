// Replaces JSON.stringify and JSON.parse by ones that tell lies.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  JSON.stringify = () => '{"title":"BREACH forged"}';
  JSON.parse = () => [["forged"]];
}
