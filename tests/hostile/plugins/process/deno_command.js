// Starts a program through the real Deno namespace.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + new Deno.Command("/bin/id").outputSync().stdout };
}
