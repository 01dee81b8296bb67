// Throws an error with causes ten thousand deep.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let cause = new Error("first");
  for (let level = 0; level < 10_000; level++) cause = new Error("next", { cause });
  console.log(cause);
  throw cause;
}
