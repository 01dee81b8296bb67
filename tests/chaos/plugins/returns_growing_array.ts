// expect: invalid_findings, findings
// Grows while it is read.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const list: unknown[] = [];
    const item = { get title() { list.push(item); return "x"; } };
    list.push(item);
    return list;
  }
  return { title: t.id };
}
