// Starts a thread through Node's module.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:worker_threads";
  new (await import(name)).Worker("", { eval: true });
  return { title: "BREACH started" };
}
