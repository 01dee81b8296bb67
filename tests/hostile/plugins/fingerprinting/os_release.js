// Asks for the operating system's version.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.osRelease() };
}
