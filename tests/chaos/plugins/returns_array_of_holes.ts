// expect: invalid_findings, error, clean, timeout, out_of_memory

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const list: unknown[] = [];
    list.length = 2 ** 32 - 1;
    return list;
  }
  return { title: t.id };
}
