// Makes the engine's own lists throw when they grow, in the middle of what the host asks of them.
// expect: clean, error, timeout, crashed
// then: findings,error,timeout,crashed
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  setTimeout(() => {}, 1000);
  for (let index = 0; index < 64; index++) {
    Object.defineProperty(Array.prototype, String(index), {
      get() {
        throw new Error("read");
      },
      set() {
        throw new Error("written");
      },
      configurable: true,
    });
  }
}
