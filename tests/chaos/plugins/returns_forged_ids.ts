// expect: findings
// Who reported on what is not the plugin's to say.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { title: "x", plugin_id: "other", transaction_id: "other", id: "other", created_at: "1970-01-01" };
  }
  return { title: t.id };
}
