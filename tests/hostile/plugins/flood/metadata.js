// Describes itself at a length of ten megabytes.
// expect: not_loaded
// level: realm

export const metadata = { id: "p", description: "x".repeat(10_000_000) };

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [];
}
