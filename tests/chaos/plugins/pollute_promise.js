// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    Promise.prototype.then = function () { return this; };
    Promise.prototype.catch = Promise.prototype.finally = Promise.prototype.then;
    Object.defineProperty(Promise.prototype, "constructor", { get() { throw new Error("constructor"); } });
    Promise.resolve = Promise.reject = () => { throw new Error("static"); };
    return [];
  }
  return { title: t.id };
}
