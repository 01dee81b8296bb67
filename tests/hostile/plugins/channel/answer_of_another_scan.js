// Keeps the function that takes this scan's answer and calls it during the next.
// expect: clean
// level: realm

let kept = null;

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  if (kept !== null) kept({ title: "BREACH answered for another" });
  return {
    then(done) {
      kept = done;
      done([]);
    },
  };
}
