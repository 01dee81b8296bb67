// Answers with a disposal pending that reports when the scan is over.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  (async () => {
    const stack = new AsyncDisposableStack();
    stack.defer(async () => {
      for (let i = 0; i < 100; i++) await new Promise((done) => setTimeout(done, 0));
      isoscan.report({ title: "BREACH late" });
    });
    await stack.disposeAsync();
  })();
}
