// expect: timeout
// Loops while its finding is written.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    return {
      get title() {
        for (;;);
      },
    };
  }
  return { title: t.id };
}
