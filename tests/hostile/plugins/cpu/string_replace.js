// Replaces in a string that doubles.
// expect: timeout, out_of_memory, error
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let text = "ab";
  for (;;) text = text.replaceAll("ab", "abba").slice(0, 1 << 22);
}
