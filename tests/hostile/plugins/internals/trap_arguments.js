// Makes its error's name, message and text functions behind proxies, and climbs from the arguments their traps are given.
// expect: error, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let found = "";
  const code = "return typeof process !== 'undefined' ? process : Deno.core.ops.op_read_sync";
  const climb = (...values) => {
    for (const value of values) {
      try {
        if (value.constructor.constructor(code)() !== undefined) found = "a realm with powers";
      } catch {
        // no way up
      }
    }
  };
  const trap = new Proxy({}, {
    get: () => (target, self, args) => {
      climb(target, self, args, args?.[0]);
      return undefined;
    },
  });
  const text = new Proxy(() => "", trap);
  const error = new Error();
  for (
    const name of ["name", "message", "stack", "toString", "cause", Symbol.toPrimitive, Symbol.toStringTag]
  ) {
    Object.defineProperty(error, name, {
      value: { toString: text, valueOf: text, [Symbol.toPrimitive]: text },
    });
  }
  console.log(error, text, trap);
  try {
    isoscan.report(new Proxy(error, trap));
  } catch {
    // refused
  }
  if (found !== "") return { title: "BREACH " + found };
  throw error;
}
