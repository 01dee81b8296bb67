// Writes words on standard error that would pass for an end by memory.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.stderr.writeSync(new TextEncoder().encode("Fatal JavaScript out of memory"));
  return { title: "BREACH written" };
}
