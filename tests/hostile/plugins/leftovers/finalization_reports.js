// Reports when the engine collects what an earlier scan left.
// expect: clean
// level: realm

const registry = new FinalizationRegistry((id) =>
  isoscan.report({ title: "BREACH late finalizer of " + id })
);
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    for (let turn = 0; turn < 30; turn++) {
      new Array(100_000).fill(turn + 0.5);
      await new Promise((done) => setTimeout(done, 0));
    }
    return { title: t.id, evidence: t.response.text() };
  }
  for (let turn = 0; turn < 10_000; turn++) registry.register({ turn }, t.id);
  return [];
}
