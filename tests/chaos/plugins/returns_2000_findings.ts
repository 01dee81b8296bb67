// expect: invalid_findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return Array.from({ length: 2000 }, (_, i) => ({ title: `n ${i}` }));
  }
  return { title: t.id };
}
