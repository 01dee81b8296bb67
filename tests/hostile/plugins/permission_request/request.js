// Asks for a permission.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + (await Deno.permissions.request({ name: "read" })).state };
}
