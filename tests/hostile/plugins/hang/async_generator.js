// Waits on a generator that never ends.
// expect: error, timeout, clean, invalid_findings
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  async function* endless() {
    for (;;) yield await new Promise((done) => setTimeout(done, 1));
  }
  for await (const _ of endless());
}
