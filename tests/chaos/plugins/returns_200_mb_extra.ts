// expect: invalid_findings, out_of_memory, error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { title: "x", other: "x".repeat(200_000_000) };
  }
  return { title: t.id };
}
