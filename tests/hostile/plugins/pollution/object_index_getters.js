// Answers for array indices on the root of all objects, where the engine takes a hole for the end of its lists.
// expect: timeout, error
// then: findings, timeout, error
// limits: timeout_s=0.6
// level: realm

function answerForIndices() {
  for (let index = 0; index < 300; index++) {
    Object.defineProperty(Object.prototype, String(index), {
      get: () => [0, "GET", "http://forged.example/"],
      set(value) {
        Object.defineProperty(this, String(index), {
          value,
          writable: true,
          configurable: true,
          enumerable: true,
        });
      },
      configurable: true,
    });
  }
}
export async function scan_transaction(t) {
  if (t.request.url.includes("forged")) return { title: "BREACH " + t.request.url };
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  answerForIndices();
  await new Promise((done) => setTimeout(done, 1));
}
