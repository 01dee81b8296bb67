// expect: invalid_findings
// Each is allowed, all together are too much.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return Array.from({ length: 100 }, () => ({ title: "x", evidence: "y".repeat(60_000) }));
  }
  return { title: t.id };
}
