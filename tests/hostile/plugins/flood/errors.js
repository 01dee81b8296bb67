// Leaves ten thousand errors that nobody catches.
// expect: error, clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let turn = 0; turn < 10_000; turn++) {
    queueMicrotask(() => {
      throw new Error("error " + turn);
    });
  }
}
