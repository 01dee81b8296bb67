// Sends a signal to the owner.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.kill(Deno.ppid, "SIGTERM");
  return { title: "BREACH killed" };
}
