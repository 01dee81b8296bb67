// expect: error
// Infinite recursion.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const deep = (n: number): number => 1 + deep(n + 1);
    deep(0);
  }
  return { title: t.id };
}
