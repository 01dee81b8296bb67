// Blocks the thread on shared memory.
// expect: error, timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return { title: "BREACH" };
}
