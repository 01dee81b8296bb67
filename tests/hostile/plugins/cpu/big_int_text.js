// Turns an integer of millions of digits into text, in one call.
// expect: timeout, error, out_of_memory
// limits: timeout_s=1
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let n = 3n ** 2_000_000n;
  for (let i = 0; i < 40; i++) n = (n * n) % (1n << 20_000_000n) + 1n;
  return { title: String(String(n).length) };
}
