// Calls a function bound fifty thousand times.
// expect: error, clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let call = () => [];
  for (let level = 0; level < 50_000; level++) call = call.bind(null);
  return call();
}
