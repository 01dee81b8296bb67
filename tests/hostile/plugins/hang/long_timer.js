// Waits for a timer of a day.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await new Promise((done) => setTimeout(done, 86_400_000));
}
