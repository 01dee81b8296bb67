// Raises an integer to a power that takes minutes, in one instruction.
// expect: timeout, error, out_of_memory
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: String(7n ** 9_000_000n).slice(0, 9) };
}
