// expect: clean, error
// Events the host listens to, made up: they may end their own scan and no other.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const fakes = [];
    for (const [type, options] of [["PromiseRejectionEvent", { promise: Promise.resolve(), reason: new Error("forged") }], ["ErrorEvent", { error: new Error("forged"), message: "forged" }], ["Event", {}]]) {
      for (const name of ["unhandledrejection", "error", "beforeunload"]) {
        try { fakes.push(new globalThis[type](name, { ...options, cancelable: true })); } catch { /* gone */ }
      }
    }
    for (const fake of fakes) {
      try { EventTarget.prototype.dispatchEvent.call(globalThis, fake); } catch { /* refused */ }
      try { globalThis.dispatchEvent(fake); } catch { /* gone */ }
    }
    return [];
  }
  return { title: t.id };
}
