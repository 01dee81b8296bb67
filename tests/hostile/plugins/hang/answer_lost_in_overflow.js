// Answers where the stack is so full that the host cannot take note of it.
// expect: clean, error, timeout
// limits: timeout_s=1
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    then(answer) {
      setTimeout(() => {
        const descend = () => {
          try {
            descend();
          } finally {
            answer([]);
          }
        };
        descend();
      }, 1);
    },
  };
}
