// Asks for a temporary file, which needs no path of its own.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.makeTempFileSync() };
}
