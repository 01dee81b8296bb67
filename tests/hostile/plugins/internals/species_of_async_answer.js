// Answers with an asynchronous function's promise whose class is its own, and whose handlers it wraps.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const answer = (async () => {
    const deep = () => deep();
    deep();
  })();
  const seen = [];
  answer.constructor = {
    [Symbol.species]: class extends Promise {
      constructor(run) {
        super((resolve, reject) =>
          run((value) => resolve(value), (error) => (seen.push(error), reject(error)))
        );
      }
    },
  };
  const { then } = answer;
  answer.then = function (done, fail) {
    return then.call(this, done, (error) => {
      const reach = error.constructor.constructor("return typeof process")();
      fail(reach === "undefined" ? error : new Error("BREACH " + reach));
    });
  };
  return answer;
}
