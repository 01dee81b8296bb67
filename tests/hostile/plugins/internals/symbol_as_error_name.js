// Gives an error a name that has no text form, so that the engine's own error about it comes from elsewhere.
// expect: error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const makers = [
    (error) => (error.name = Symbol()),
    (error) => (error.message = Symbol()),
    (error) => Object.defineProperty(error, "name", { get: () => Symbol() }),
    (error) => (error.name = { toString: () => Symbol(), [Symbol.toPrimitive]: () => Symbol() }),
  ];
  for (const make of makers) {
    const error = new Error();
    make(error);
    for (const read of [async () => error.stack, async () => String(error), async () => console.log(error)]) {
      try {
        await read();
      } catch (thrown) {
        const code =
          "return typeof process !== 'undefined' || typeof Deno.core.ops.op_read_sync === 'function'";
        if (thrown.constructor.constructor(code)()) return { title: "BREACH " + thrown };
      }
    }
  }
  const last = new Error();
  last.name = Symbol();
  throw last;
}
