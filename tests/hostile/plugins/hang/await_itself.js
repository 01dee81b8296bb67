// Waits for a promise that waits for itself.
// expect: error, timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const pending = (async () => {
    await null;
    await pending;
  })();
  await pending;
}
