// Freezes the global object and every prototype, to trip the host into an error that shows something.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const value = globalThis[name];
    if (typeof value === "function" && value.prototype) Object.freeze(value.prototype);
  }
  Object.freeze(globalThis.Promise);
}
