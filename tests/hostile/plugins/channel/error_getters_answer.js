// Fails with an error whose getters answer, report and fail again while the host describes it.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    then(answer, fail) {
      fail({
        get name() {
          answer({ title: "BREACH a second answer" });
          return '","f":[[0,"x"]],"e":{"name":"';
        },
        get message() {
          fail(new Error("again"));
          return "first";
        },
        get stack() {
          throw this;
        },
      });
    },
  };
}
