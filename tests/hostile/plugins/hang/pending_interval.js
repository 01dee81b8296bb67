// Keeps an interval running beside a promise that never settles.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  setInterval(() => {}, 5);
  await new Promise(() => {});
}
