// Asks for all permissions, one by one, without waiting.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of ["run", "read", "write", "net", "env", "sys", "ffi"]) {
    if (Deno.permissions.requestSync({ name }).state === "granted") return { title: "BREACH " + name };
  }
}
