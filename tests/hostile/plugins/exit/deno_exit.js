// Ends the process with the runtime's call.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.exit(0);
  return { title: "BREACH" };
}
