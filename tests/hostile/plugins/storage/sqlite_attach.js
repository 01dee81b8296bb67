// Opens a database of the engine's own kind and attaches a file to it.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { DatabaseSync } = await import("node:" + "sqlite");
  const folder = t.request.headers["x-canary-folder"];
  const database = new DatabaseSync(":memory:");
  database.exec(`ATTACH DATABASE '${folder}/new.db' AS other; CREATE TABLE other.t (a)`);
  return { title: "BREACH a table in a file" };
}
