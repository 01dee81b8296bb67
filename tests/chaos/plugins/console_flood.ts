// expect: clean
// Twenty megabytes of console.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    for (let i = 0; i < 20_000; i++) console.log("x".repeat(1000));
    return [];
  }
  return { title: t.id };
}
