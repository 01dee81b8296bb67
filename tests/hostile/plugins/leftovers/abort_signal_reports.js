// Reports from the end of a signal's time when its scan is over.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 5));
    return { title: t.id, evidence: t.response.text() };
  }
  AbortSignal.timeout(1).addEventListener("abort", () => isoscan.report({ title: "BREACH late signal" }));
  return [];
}
