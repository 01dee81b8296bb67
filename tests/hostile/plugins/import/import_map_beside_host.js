// Imports the import map that lies beside the host.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = /file:[^\s)]*?\.js/.exec(new Error("x").stack)?.[0] ?? "file:///host.js";
  const map = new URL("import_map.json", url).href;
  const found = await import(map, { with: { type: "json" } }).catch(() => null);
  return found === null ? [] : { title: "BREACH " + JSON.stringify(found.default).slice(0, 80) };
}
