// expect: invalid_findings

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    for (let i = 0; i < 2000; i++) isoscan.report({ title: `n ${i}` });
  }
  return { title: t.id };
}
