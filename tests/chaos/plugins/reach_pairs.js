// expect: clean
// Writes into everything a transaction holds; no other transaction may show it.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const forged = { value: "forged", configurable: true };
    for (const object of [t, t.request, t.response]) {
      for (const name of ["id", "url", "status", "request", "response", "timestamp"]) {
        try {
          Object.defineProperty(object, name, forged);
        } catch {
          // stays
        }
      }
    }
    for (const pairs of [t.response.rawHeaders, t.request.rawHeaders]) pairs.push(["forged", "forged"]);
    t.response.headers.forged = "forged";
    t.response.body.fill(0);
    return [];
  }
  if (t.response.headers.forged) return { title: "forged" };
  return { title: t.id };
}
