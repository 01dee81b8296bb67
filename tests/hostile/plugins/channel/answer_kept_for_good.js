// Keeps the function that takes the first scan's answer and calls it while later ones wait.
// expect: clean
// level: realm

let kept = null;
export async function scan_transaction(t) {
  if (kept !== null) kept({ title: "BREACH answered for another" });
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 1));
    kept?.({ title: "BREACH answered for another" });
    return { title: t.id, evidence: t.response.text() };
  }
  return {
    then(done) {
      kept = done;
      done([]);
    },
  };
}
