// Throws from a timer that was started while it loaded.
// expect: clean, crashed, error
// then: findings,error
// level: realm

setTimeout(() => {
  throw new Error("from a timer of the load");
}, 0);

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await new Promise((done) => setTimeout(done, 5));
  return [];
}
