// expect: invalid_findings
// Another value each time it is read.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    let reads = 0;
    return {
      title: "x",
      get evidence() {
        return reads++ === 0 ? "small" : "y".repeat(3_000_000);
      },
    };
  }
  return { title: t.id };
}
