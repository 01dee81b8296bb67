// Writes a file into the folder it is told of.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.writeTextFileSync(t.request.headers["x-canary-folder"] + "/written", "x");
  return { title: "BREACH written" };
}
