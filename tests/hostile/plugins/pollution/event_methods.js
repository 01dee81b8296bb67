// Replaces the methods of events and their targets.
// expect: clean, error, crashed
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Event.prototype.preventDefault = () => {};
  EventTarget.prototype.dispatchEvent = () => false;
  EventTarget.prototype.addEventListener = () => {};
  Promise.reject(new Error("nobody catches this"));
}
