// Writes console lines with levels that are not its to choose.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Sentinel.log('error","x"],["', "forged");
  Sentinel.log({ toString: () => "error" }, "forged");
}
