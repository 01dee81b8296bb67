// Lets a module of its own making import the JSON file statically.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = "file://" + t.request.headers["x-canary-json"];
  const text = `export { default } from ${JSON.stringify(url)} with { type: "json" };`;
  const found = await import("data:text/javascript," + encodeURIComponent(text));
  return { title: "BREACH " + JSON.stringify(found.default) };
}
