// Queues a microtask from each microtask.
// expect: timeout, out_of_memory
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const again = () => queueMicrotask(again);
  again();
}
