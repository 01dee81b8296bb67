// expect: clean
// Catches the frame's memory through every typed array method the host might call.

let seen = null;
const typed = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of ["set", "subarray", "slice", "fill"]) {
  const own = typed[name];
  typed[name] = function (...args) {
    seen = [this, ...args];
    return own.apply(this, args);
  };
}
const Native = Uint8Array;
globalThis.Uint8Array = class extends Native {
  constructor(...args) {
    super(...args);
    seen = args;
  }
};

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    t.response.body;
    t.request.body;
    t.response.text();
    return seen === null ? [] : { title: "reached: the frame" };
  }
  return { title: t.id };
}
