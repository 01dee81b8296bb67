// Replaces the prototypes that asynchronous functions, generators and their iterators share.
// expect: clean
// level: realm

const made = [async () => {}, async function* () {}, function* () {}];
for (const sample of made) {
  const prototype = Object.getPrototypeOf(sample);
  for (
    const target of [
      prototype,
      prototype.prototype,
      prototype.prototype && Object.getPrototypeOf(prototype.prototype),
    ]
  ) {
    if (!target) continue;
    for (const name of ["next", "return", "throw", "then", "call", "apply", "bind"]) {
      Object.defineProperty(target, name, {
        value: () => ({ done: false, value: "BREACH" }),
        configurable: true,
      });
    }
  }
}
Object.defineProperty(Promise.prototype, "constructor", {
  get() {
    return function (run) {
      run(() => {}, () => {});
    };
  },
  configurable: true,
});
export async function scan_transaction(t) {
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
