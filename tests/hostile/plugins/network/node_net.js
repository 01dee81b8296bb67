// Connects through Node's module.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:net";
  (await import(name)).connect(Number(t.request.headers["x-canary-port"]), "127.0.0.1");
  return { title: "BREACH connected" };
}
