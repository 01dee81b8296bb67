// Reports through the historic calls with everything forged.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const forged = {
    description: "named",
    plugin_id: "another",
    transaction_id: "another",
    vuln_type: "x",
    created_at: 0,
  };
  Sentinel.emitFinding(forged);
  Deno.core.ops.op_emit_finding(forged);
}
