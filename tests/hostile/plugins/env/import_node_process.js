// Reads the environment through Node's module.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:process";
  return { title: "BREACH " + JSON.stringify((await import(name)).env) };
}
