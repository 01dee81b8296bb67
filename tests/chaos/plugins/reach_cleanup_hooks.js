// expect: clean
// A finaliser that loops, some time later.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    new FinalizationRegistry(() => { for (;;); }).register({}, 0);
    for (let i = 0; i < 100; i++) new Array(1e5).fill(i);
    return [];
  }
  return { title: t.id };
}
