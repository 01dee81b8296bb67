// expect: timeout
// Exponential backtracking.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return /^(([a-z])+.)+[A-Z]([a-z])+$/.test("a".repeat(60)) ? [] : [];
  }
  return { title: t.id };
}
