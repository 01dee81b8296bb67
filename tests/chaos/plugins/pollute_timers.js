// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    globalThis.setTimeout = globalThis.clearTimeout = globalThis.queueMicrotask = () => { throw 1; };
    return [];
  }
  return { title: t.id };
}
