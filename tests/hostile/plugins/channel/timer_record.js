// Catches the engine's records of timers by their fields and links, and runs what hangs on them.
// expect: clean, error
// then: findings, error
// level: realm

const caught = new Set();
for (
  const name of ["_idleNext", "_idlePrev", "_onTimeout", "expiry", "id", "msecs", "priorityQueuePosition"]
) {
  Object.defineProperty(Object.prototype, name, {
    get() {
      caught.add(this);
      return undefined;
    },
    set(value) {
      caught.add(this);
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
    },
    configurable: true,
  });
}
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 1));
  await new Promise((done) => setTimeout(done, 2));
  const own = t.request.headers["x-own-marker"];
  for (const record of caught) {
    for (const value of Object.values(record)) {
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
        return { title: "BREACH " + value.byteLength };
      }
      if (typeof value === "string" && value.replaceAll(own, "").includes("marker-")) {
        return { title: "BREACH " + value };
      }
    }
    if (typeof record._onTimeout === "function") record._onTimeout();
  }
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
