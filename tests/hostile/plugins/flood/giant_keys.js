// Reports a finding with two hundred thousand keys.
// expect: invalid_findings
// limits: memory_bytes=512MiB
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const wide = { title: "wide" };
  for (let key = 0; key < 200_000; key++) wide["k" + key] = key;
  return wide;
}
