// Changes its metadata when it is known already.
// expect: findings
// level: realm

export const metadata = { id: "honest" };

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  metadata.id = "another";
  return { title: "named", metadata };
}
