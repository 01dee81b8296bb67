// Reports from a promise that a later scan resolves.
// expect: clean
// level: realm

let resume = null;
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    resume?.();
    await new Promise((done) => setTimeout(done, 2));
    return { title: t.id, evidence: t.response.text() };
  }
  new Promise((done) => resume = done).then(() => isoscan.report({ title: "BREACH late promise" }));
  return [];
}
