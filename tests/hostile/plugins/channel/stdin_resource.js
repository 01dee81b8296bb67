// Reads orders from resource 0, the engine's number for standard input.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const bytes = new Uint8Array(64);
  return { title: "BREACH " + Deno.core.readSync(0, bytes) };
}
