// Doubles the number of waiting microtasks each turn.
// expect: timeout, out_of_memory
// limits: timeout_s=0.6, memory_bytes=128MiB
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const double = () => {
    queueMicrotask(double);
    queueMicrotask(double);
  };
  double();
}
