// expect: error, clean, crashed
// Then rejects, so that the host handles an event.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["preventDefault", "stopImmediatePropagation"]) Event.prototype[name] = () => { throw new Error(name); };
    EventTarget.prototype.addEventListener = EventTarget.prototype.dispatchEvent = () => { throw new Error("target"); };
    for (const name of ["reason", "promise"]) Object.defineProperty(PromiseRejectionEvent.prototype, name, { get() { throw 1; } });
    Promise.reject(new Error("stray"));
    return [];
  }
  return { title: t.id };
}
