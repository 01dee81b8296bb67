// Awaits what is there already, for ever.
// expect: timeout, out_of_memory
// limits: timeout_s=0.6
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (;;) await null;
}
