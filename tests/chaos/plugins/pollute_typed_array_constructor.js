// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    Uint8Array.prototype.constructor = Object.getPrototypeOf(Uint8Array.prototype).constructor = function () { throw new Error("no"); };
    Object.setPrototypeOf(Uint8Array, null);
    Object.setPrototypeOf(Uint8Array.prototype, null);
    return [];
  }
  return { title: t.id };
}
