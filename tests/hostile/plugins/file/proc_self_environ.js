// Reads the process's environment out of /proc, where permissions of some versions did not look.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.readTextFileSync("/proc/self/environ") };
}
