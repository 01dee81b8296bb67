// expect: invalid_findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return [[{ title: "x" }]];
  }
  return { title: t.id };
}
