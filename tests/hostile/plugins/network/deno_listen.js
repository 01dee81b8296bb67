// Listens on a TCP port.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.listen({ port: 0 });
  return { title: "BREACH listening" };
}
