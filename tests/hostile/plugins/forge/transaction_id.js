// Reports on another transaction.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "named",
    transaction_id: "another",
    transactionId: "another",
    id: "1",
    request_id: "another",
  };
}
