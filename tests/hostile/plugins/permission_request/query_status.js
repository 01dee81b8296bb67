// Asks for the state of each permission and listens for its change.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of ["read", "write", "net", "env", "sys", "run", "ffi", "import"]) {
    const status = await Deno.permissions.query({ name });
    status.onchange = () => isoscan.report({ title: "BREACH changed" });
    if (status.state !== "denied") return { title: "BREACH " + name };
  }
}
