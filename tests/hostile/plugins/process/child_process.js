// Starts a program through Node's module.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:child_process";
  return { title: "BREACH " + (await import(name)).execSync("id") };
}
