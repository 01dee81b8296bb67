// Runs code in this very context through Node's vm.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:vm";
  return { title: "BREACH " + (await import(name)).runInThisContext("typeof process") };
}
