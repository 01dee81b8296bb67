// Starts a shared worker.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new SharedWorker("data:text/javascript,");
  return { title: "BREACH started" };
}
