// Prints a hundred thousand lines.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let turn = 0; turn < 100_000; turn++) console.log("line", turn);
}
