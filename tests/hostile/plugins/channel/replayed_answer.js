// Calls the function that takes its answer again and again.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    then(done) {
      for (let turn = 0; turn < 5; turn++) done({ title: "answer " + turn });
    },
  };
}
