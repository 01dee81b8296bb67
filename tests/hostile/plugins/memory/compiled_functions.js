// Compiles ever new functions and keeps them.
// expect: out_of_memory, timeout
// limits: timeout_s=10
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const kept = [];
  for (let i = 0;; i++) kept.push(new Function(`return "${i}${"y".repeat(100_000)}"`)());
}
