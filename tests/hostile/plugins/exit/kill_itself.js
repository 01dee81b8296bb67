// Sends itself a signal.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.kill(Deno.pid, "SIGKILL");
  return { title: "BREACH" };
}
