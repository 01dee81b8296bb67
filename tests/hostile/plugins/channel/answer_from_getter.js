// Answers from inside the getters of the answer it is just giving.
// expect: findings, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    then(answer, fail) {
      answer({
        get title() {
          answer({ title: "BREACH a second answer" });
          fail(new Error("a third"));
          isoscan.report({ title: "reported inside" });
          return "the first";
        },
      });
    },
  };
}
