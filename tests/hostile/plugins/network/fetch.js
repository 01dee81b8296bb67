// Fetches from a local server.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "BREACH " + (await fetch("http://127.0.0.1:" + t.request.headers["x-canary-port"])).status,
  };
}
