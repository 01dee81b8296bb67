// Calls the host's own handler of the last event and reports when the next scan is open.
// expect: findings, error
// then: findings,error,timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 2));
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const key = Object.getOwnPropertySymbols(globalThis).find((symbol) => globalThis[symbol]?.listeners);
  globalThis[key]?.listeners.beforeunload?.[0].callback(new Event("beforeunload", { cancelable: true }));
  isoscan.report({ title: `late of ${t.id}` });
  return [];
}
