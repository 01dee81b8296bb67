// Forks through Node's cluster.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "cluster";
  return { title: "BREACH " + (await import(name)).fork() };
}
