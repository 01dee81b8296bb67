// Dispatches the events of the end by hand.
// expect: clean, error, crashed
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of ["unload", "load", "exit", "close"]) {
    EventTarget.prototype.dispatchEvent.call(globalThis, new Event(name));
  }
}
