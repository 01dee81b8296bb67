// Loops in a continuation that comes when its scan has answered, mostly while the next one waits.
// expect: clean, timeout
// then: findings,timeout
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 5));
    return { title: t.id, evidence: t.response.text() };
  }
  crypto.subtle.digest("SHA-512", new Uint8Array(1 << 16)).then(() => {
    for (;;);
  });
  return [];
}
