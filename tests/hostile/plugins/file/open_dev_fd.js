// Opens its own descriptors by their names below /dev/fd.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.openSync("/dev/fd/0").rid };
}
