// Fetches a file by its URL.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + await (await fetch("file://" + t.request.headers["x-canary-text"])).text() };
}
