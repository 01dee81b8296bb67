// expect: out_of_memory, timeout, error
// Millions of promises and timers.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const kept: Promise<unknown>[] = [];
    for (;;) kept.push(new Promise((done) => setTimeout(done, 1e6)));
  }
  return { title: t.id };
}
