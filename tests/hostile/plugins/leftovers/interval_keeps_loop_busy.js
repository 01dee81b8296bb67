// Leaves timers behind, so that a later promise that never settles looks like one that may.
// expect: error
// limits: timeout_s=20
// level: realm

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) return new Promise(() => {});
  setInterval(() => {}, 1);
  setTimeout(() => {}, 1e9);
  return { title: t.id, evidence: t.response.text() };
}
