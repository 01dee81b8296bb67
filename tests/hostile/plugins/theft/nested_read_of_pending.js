// Makes the host go on with the next transaction inside its own scan, with a forged event.
// expect: clean, error
// then: findings,timeout,error
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await new Promise((done) => setTimeout(done, 1));
  EventTarget.prototype.dispatchEvent.call(globalThis, new Event("beforeunload", { cancelable: true }));
}
