// Waits on shared memory without blocking.
// expect: error, timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0).value;
  return { title: "BREACH" };
}
