// Answers with a promise whose species collects whoever waits for it.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  class Trap extends Promise {
    static get [Symbol.species]() {
      return function (executor) {
        seen.push(executor);
        return new Promise(executor);
      };
    }
  }
  const pending = Trap.resolve(1).then(() => 2);
  await pending;
  const found = seen.map((executor) => typeof executor.constructor("return typeof process")()).filter((
    kind,
  ) => kind !== "string");
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
