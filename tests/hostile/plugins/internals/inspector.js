// Attaches the engine's inspector to itself.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:inspector";
  const { Session } = await import(name);
  new Session().connect();
  return { title: "BREACH attached" };
}
