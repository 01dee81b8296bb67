// Imports a package from npm.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("npm:left-pad@1.3.0");
  return { title: "BREACH imported" };
}
