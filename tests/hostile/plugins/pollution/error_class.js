// Replaces the error classes, their prototypes and the length of stacks.
// expect: error
// level: realm

const Native = Error;
for (const limit of [Infinity, -1, NaN, "many", 1e9, { valueOf: () => 5 }]) Native.stackTraceLimit = limit;
Object.defineProperty(Native, "stackTraceLimit", {
  get() {
    throw new TypeError("asked");
  },
});
for (const name of ["name", "message", "cause", "toString"]) {
  Object.defineProperty(Native.prototype, name, {
    get: () => "forged",
    set() {
      throw 1;
    },
  });
}
for (const name of ["Error", "TypeError", "RangeError", "DOMException"]) {
  globalThis[name] = class extends Native {
    constructor() {
      super();
      throw this;
    }
  };
}
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  null.x;
}
