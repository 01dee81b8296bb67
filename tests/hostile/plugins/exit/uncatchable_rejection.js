// Rejects with a promise that rejects with itself as reason.
// expect: error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const bad = Promise.reject(1);
  Promise.reject(bad);
  await new Promise((done) => setTimeout(done, 5));
}
