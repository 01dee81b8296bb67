// Makes a require function and loads a native addon with it.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const name = "node:module";
  const { createRequire } = await import(name);
  return { title: "BREACH " + createRequire("file:///")("./x.node") };
}
