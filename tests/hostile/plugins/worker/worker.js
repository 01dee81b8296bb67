// Starts a worker with all permissions.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new Worker(import.meta.url, { type: "module", deno: { permissions: "inherit" } });
  return { title: "BREACH started" };
}
