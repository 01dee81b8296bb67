// Looks at the historic stub for any operation but the two it has.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const names = Reflect.ownKeys(Deno.core.ops).concat(Reflect.ownKeys(Deno.core)).map(String);
  const known = ["op_emit_finding", "op_plugin_log", "ops", "core"];
  const found = names.filter((name) => !known.includes(name));
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
