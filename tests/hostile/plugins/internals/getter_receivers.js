// Puts getters on the root of all objects and keeps every receiver that is not its own.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = new Set();
  const names = [
    "nonce",
    "send",
    "readFrame",
    "memory",
    "frame",
    "exit",
    "rid",
    "read",
    "write",
    "urls",
    "config",
    "modules",
  ];
  for (const name of names) {
    Object.defineProperty(Object.prototype, name, {
      get() {
        seen.add(this);
        return undefined;
      },
      set() {
        seen.add(this);
      },
      configurable: true,
    });
  }
  await new Promise((done) => setTimeout(done, 1));
  for (const name of names) delete Object.prototype[name];
  const found = [...seen].filter((self) => self instanceof ArrayBuffer || typeof self.send === "function");
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
