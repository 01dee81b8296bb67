// Starts a timer each time the event loop runs dry, so that it never ends.
// expect: error, timeout
// limits: timeout_s=1
// level: realm

globalThis.addEventListener?.("beforeunload", (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  setTimeout(() => {}, 0);
});
EventTarget.prototype.addEventListener.call(globalThis, "beforeunload", (event) => {
  event.stopImmediatePropagation();
  event.preventDefault();
  setTimeout(() => {}, 0);
});
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await new Promise(() => {});
}
