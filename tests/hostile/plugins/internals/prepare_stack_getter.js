// Makes Error.prepareStackTrace a getter and looks who asks for it in which turn.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  Object.defineProperty(Error, "prepareStackTrace", {
    get() {
      seen.push(this);
      return undefined;
    },
    configurable: true,
  });
  new Error("x").stack;
  const foreign = seen.filter((self) => self !== Error);
  return foreign.length === 0 ? [] : { title: "BREACH " + foreign.map(String) };
}
