// expect: invalid_findings, error

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = { deep };
    return { title: "x", deep };
  }
  return { title: t.id };
}
