// expect: clean
// A signal's own timer fires during a later scan and reports there.

export async function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    AbortSignal.timeout(1).addEventListener("abort", () => {
      isoscan.report({ title: "late" });
    });
    return [];
  }
  await new Promise((done) => setTimeout(done, 20));
  return { title: t.id };
}
