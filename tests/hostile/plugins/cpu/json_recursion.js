// Writes and reads JSON whose toJSON makes more of it.
// expect: timeout, error, out_of_memory
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let depth = 0;
  const wide = { toJSON: () => (depth++, depth < 1e9 ? [{ ...wide }, { ...wide }] : 1) };
  JSON.stringify(wide);
  for (;;) JSON.parse("[".repeat(5000) + "]".repeat(5000));
}
