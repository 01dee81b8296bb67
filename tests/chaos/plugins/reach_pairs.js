// expect: clean
// Writes into everything a transaction holds; no other transaction may show it.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const pairs of [t.response.rawHeaders, t.request.rawHeaders]) pairs.push(["forged", "forged"]);
    t.response.headers.forged = "forged";
    t.response.body.fill(0);
    return [];
  }
  if (t.response.headers.forged) return { title: "forged" };
  return { title: t.id };
}
