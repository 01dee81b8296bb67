// expect: invalid_findings, out_of_memory

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { title: "x", evidence: "x".repeat(200_000_000) };
  }
  return { title: t.id };
}
