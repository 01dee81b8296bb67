// Returns an array that grows, shrinks and changes its elements while the host goes through it.
// expect: findings, invalid_findings, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const answer = [];
  for (let i = 0; i < 10; i++) {
    Object.defineProperty(answer, i, {
      get() {
        answer.length = 5;
        for (let n = 0; n < 1000; n++) answer.push({ title: "more" });
        return {
          title: "got",
          toJSON: () => ({
            title: "json",
            get evidence() {
              return answer.length;
            },
          }),
        };
      },
      configurable: true,
    });
  }
  return answer;
}
