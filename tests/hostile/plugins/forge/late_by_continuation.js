// Catches the engine's queue of coming turns with getters on array indices, takes the host's continuation and calls it.
// expect: findings, error
// then: findings,error,timeout
// limits: timeout_s=0.6
// level: realm

let queue = null;
let found = null;
const indices = Array.from({ length: 64 }, (_, index) => String(index));
for (const index of indices) {
  Object.defineProperty(Array.prototype, index, {
    get() {
      if (this.length === 2048) queue = this;
      return undefined;
    },
    set(value) {
      if (this.length === 2048) queue = this;
      Object.defineProperty(this, index, { value, writable: true, configurable: true, enumerable: true });
    },
    configurable: true,
  });
}
async function watch() {
  for (let turn = 0; turn < 50; turn++) {
    await 1;
    for (const entry of queue ?? []) if (typeof entry?.callback === "function") found ??= entry.callback;
  }
}
let scans = 0;
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 2));
  if (scans++ < 3) watch();
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  if (found !== null) {
    found();
    isoscan.report({ title: `late of ${t.id}` });
  }
  return [];
}
