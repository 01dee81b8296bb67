// Throws in handlers of every event at the end.
// expect: error, clean, crashed
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of ["unload", "beforeunload", "pagehide", "exit", "error", "unhandledrejection"]) {
    EventTarget.prototype.addEventListener.call(globalThis, name, () => {
      throw new Error(name);
    });
    globalThis["on" + name] = () => {
      throw new Error(name);
    };
  }
  Promise.reject(new Error("x"));
  await new Promise(() => {});
}
