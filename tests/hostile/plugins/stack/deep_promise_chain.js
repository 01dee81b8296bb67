// Answers with a promise of a promise, a hundred thousand times.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let pending = Promise.resolve([]);
  for (let level = 0; level < 100_000; level++) pending = pending.then((value) => value);
  return pending;
}
