// Ends its scan with a forged event and reports when the next one is open, without a turn of its own.
// expect: findings, error
// then: findings,error,timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 2));
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  EventTarget.prototype.dispatchEvent.call(globalThis, new Event("beforeunload", { cancelable: true }));
  isoscan.report({ title: `late of ${t.id}` });
  return [];
}
