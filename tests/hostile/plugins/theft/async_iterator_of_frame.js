// Asks each part of its transaction for an iterator and walks further than it should.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  for (const part of [t.request.body, t.response.body, t.request.rawHeaders, Object.entries(t.request)]) {
    const steps = part[Symbol.iterator]();
    for (let step = 0; step < 5000; step++) seen.push(steps.next().value);
  }
  const text = String.fromCharCode(...seen.filter((value) => typeof value === "number"))
    .replaceAll(t.request.headers["x-own-marker"], "");
  return text.includes("marker-") ? { title: "BREACH " + text } : [];
}
