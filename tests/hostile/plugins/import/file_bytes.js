// Imports a file as bytes.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = await import("file://" + t.request.headers["x-canary-text"], { with: { type: "bytes" } });
  return { title: "BREACH " + found.default };
}
