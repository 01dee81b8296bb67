// expect: clean
// Reports from a timer after its answer.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    (async () => {
      await new Promise((done) => setTimeout(done, 5));
      isoscan.report({ title: "late" });
    })();
    return [];
  }
  return { title: t.id };
}
