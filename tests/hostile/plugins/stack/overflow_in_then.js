// Gives its answer where the stack is nearly full.
// expect: error, clean, findings, timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    then(done) {
      const dig = () => {
        try {
          dig();
        } catch {
          done([{ title: "deep" }]);
        }
      };
      dig();
    },
  };
}
