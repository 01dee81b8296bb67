// Sorts with a comparator that keeps the sort busy.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const numbers = Array.from({ length: 3_000_000 }, (_, index) => index);
  for (;;) numbers.sort(() => Math.random() - 0.5);
}
