// Imports a JSON file with the json attribute.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = await import("file://" + t.request.headers["x-canary-json"], { with: { type: "json" } });
  return { title: "BREACH " + JSON.stringify(found.default) };
}
