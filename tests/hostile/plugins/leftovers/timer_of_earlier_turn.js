// Has a continuation of an earlier scan start the timer that reports, while a later scan is open.
// expect: clean
// level: realm

let wake = null;
async function lateTurn() {
  await new Promise((done) => (wake = done));
  setTimeout(() => isoscan.report({ title: "BREACH of an earlier scan, by its timer" }), 0);
}
export async function scan_transaction(t) {
  if (t.request.url.includes("/before")) lateTurn();
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  wake();
  await new Promise((done) => setTimeout(done, 20));
}
