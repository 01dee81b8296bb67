// Ends the process with Node's call.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  globalThis.process.exit(0);
  return { title: "BREACH" };
}
