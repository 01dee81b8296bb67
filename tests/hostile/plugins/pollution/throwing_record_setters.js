// Makes the engine's own records throw when a field is set that their class does not declare.
// expect: clean, error, timeout, crashed
// then: findings,error,timeout,crashed
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  setTimeout(() => {}, 1000);
  for (
    const name of [
      "id",
      "callback",
      "snapshot",
      "args",
      "relatedTarget",
      "bubbles",
      "composed",
      "detail",
      "cause",
    ]
  ) {
    Object.defineProperty(Object.prototype, name, {
      get() {
        throw new Error("read");
      },
      set() {
        throw new Error("written");
      },
      configurable: true,
    });
  }
  Promise.reject(new Error("x"));
}
