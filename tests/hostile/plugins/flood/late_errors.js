// Lets twenty thousand late reports of an ended scan run into the next ones.
// expect: clean, findings, invalid_findings
// level: realm

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (let i = 0; i < 20_000; i++) {
      Promise.resolve().then(async () => {
        for (let turn = 0; turn < 3; turn++) await turn;
        isoscan.report({ title: "late" });
        console.log("late");
      });
    }
    return [];
  }
  await new Promise((done) => setTimeout(done, 1));
  return { title: t.id, evidence: t.response.text() };
}
