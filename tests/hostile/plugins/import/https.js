// Imports code from the network.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("https://deno.land/std/version.ts");
  return { title: "BREACH imported" };
}
