// Writes into the pairs of its headers, in the hope that other transactions share them.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const pairs of [t.request.rawHeaders, t.response.rawHeaders]) {
    for (const pair of pairs) pair[0] = pair[1] = "forged";
    pairs.push(["forged", "forged"]);
  }
  t.request.headers.forged = "forged";
}
