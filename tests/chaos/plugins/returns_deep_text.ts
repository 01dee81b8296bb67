// expect: findings, invalid_findings
// Deep, but not too deep to be written.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    let deep: unknown = 1;
    for (let i = 0; i < 2000; i++) deep = [deep];
    return { title: "x", deep };
  }
  return { title: t.id };
}
