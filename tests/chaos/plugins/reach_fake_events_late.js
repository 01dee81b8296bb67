// expect: clean, error
// The same when the scan may be over.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const fake = new ErrorEvent("error", { error: new Error("forged"), cancelable: true });
    setTimeout(() => { try { EventTarget.prototype.dispatchEvent.call(globalThis, fake); } catch { /* refused */ } }, 0);
    queueMicrotask(() => { try { EventTarget.prototype.dispatchEvent.call(globalThis, new Event("beforeunload")); } catch { /* refused */ } });
    return [];
  }
  return { title: t.id };
}
