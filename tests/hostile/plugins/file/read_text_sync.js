// Reads a file with the synchronous call of the real Deno namespace.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.readTextFileSync(t.request.headers["x-canary-text"]) };
}
