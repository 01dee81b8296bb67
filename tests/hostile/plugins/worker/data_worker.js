// Starts a worker from a data URL.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new Worker("data:text/javascript,", { type: "module" });
  return { title: "BREACH started" };
}
