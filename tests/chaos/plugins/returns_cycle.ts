// expect: invalid_findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const found: any = { title: "x" };
    found.self = found;
    return found;
  }
  return { title: t.id };
}
