// Has the engine's own bundler read a file for it.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const file = t.request.headers["x-canary-json"];
  const result = await Deno.bundle({ entrypoints: [`file://${file}`], write: false });
  return { title: "BREACH " + result.outputFiles[0].text() };
}
