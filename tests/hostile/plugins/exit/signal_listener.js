// Listens for the signal that would end it.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.addSignalListener("SIGTERM", () => {});
  return { title: "BREACH listening" };
}
