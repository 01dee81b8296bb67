// Imports a package from JSR.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("jsr:@std/path@1");
  return { title: "BREACH imported" };
}
