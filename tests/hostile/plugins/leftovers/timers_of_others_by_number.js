// Clears every timer there may be, by number, in the hope that one is the host's.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (let id = -10; id < 5000; id++) clearTimeout(id);
    for (const id of [NaN, {}, "1", null, 2 ** 53, Symbol.iterator]) clearInterval(id);
  }
  await new Promise((done) => setTimeout(done, 1));
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
