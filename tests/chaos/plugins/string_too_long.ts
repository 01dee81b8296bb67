// expect: error
// Longer than V8 allows.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    "x".repeat(2 ** 29).concat("y".repeat(2 ** 29));
  }
  return { title: t.id };
}
