// Opens the process's own memory for writing.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.openSync("/proc/self/mem", { read: true, write: true }).rid };
}
