// Loads a native addon through Node's process.dlopen.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  globalThis.process.dlopen({ exports: {} }, t.request.headers["x-canary-text"]);
  return { title: "BREACH loaded" };
}
