// expect: timeout
// Loops while its finding is written.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return { title: "x", toJSON: () => { for (;;); } };
  }
  return { title: t.id };
}
