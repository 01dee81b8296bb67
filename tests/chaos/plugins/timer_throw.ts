// expect: error
// Thrown by a timer while the scan waits.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    setTimeout(() => {
      throw new Error("stray");
    }, 1);
    return new Promise((done) => setTimeout(done, 30, []));
  }
  return { title: t.id };
}
