// Writes to resource 1, the engine's number for standard output.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.core.writeSync(1, new Uint8Array(64));
  return { title: "BREACH written" };
}
