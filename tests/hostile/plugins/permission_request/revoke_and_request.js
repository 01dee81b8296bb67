// Gives a permission up to be asked for it anew.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await Deno.permissions.revoke({ name: "read" });
  return { title: "BREACH revoked" };
}
