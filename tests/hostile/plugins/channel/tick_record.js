// Catches the record of the host's next turn by the fields the engine asks it for, and puts its own function into it.
// expect: clean, error, timeout
// then: findings, error, timeout
// limits: timeout_s=0.6
// level: realm

let caught = null;
function watch() {
  for (const name of ["asyncId", "triggerAsyncId"]) {
    Object.defineProperty(Object.prototype, name, {
      get() {
        if (caught === null && typeof this.callback === "function") {
          caught = this.callback;
          this.callback = () => {
            caught();
            caught();
          };
        }
        return undefined;
      },
      set() {},
      configurable: true,
    });
  }
}
export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) watch();
  await new Promise((done) => setTimeout(done, 1));
  if (caught !== null) {
    for (let i = 0; i < 10; i++) caught(0);
  }
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
