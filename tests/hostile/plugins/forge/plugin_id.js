// Reports in the name of another plugin.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "named", plugin_id: "another", pluginId: "another", extra: { plugin_id: "another" } };
}
