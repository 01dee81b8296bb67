// Leaves an async generator whose turns a later scan takes.
// expect: clean
// level: realm

async function* reporter() {
  for (;;) {
    yield 1;
    await new Promise((done) => setTimeout(done, 0));
    isoscan.report({ title: "BREACH late generator" });
  }
}
const turns = reporter();
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 3));
    return { title: t.id, evidence: t.response.text() };
  }
  await turns.next();
  turns.next();
  return [];
}
