// Reads the engine's internals under the symbol that names them.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = Deno[Deno.internal] ?? Deno.core.ops.op_read_sync ?? Deno.core.print ??
    globalThis.__bootstrap;
  return found === undefined ? [] : { title: "BREACH " + Object.keys(found) };
}
