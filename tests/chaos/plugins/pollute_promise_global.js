// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    globalThis.Promise = class {};
    globalThis.Array = globalThis.Object = globalThis.String = globalThis.Error = function () { throw 1; };
    return [];
  }
  return { title: t.id };
}
