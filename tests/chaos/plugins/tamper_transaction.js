// expect: clean
// Puts other values where the host left the transaction's own.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const object of [t.request, t.response, t]) {
      for (const name of ["id", "url", "status", "timestamp", "request", "response"]) {
        try {
          Object.defineProperty(object, name, { value: "forged", configurable: true });
        } catch {
          // stays
        }
      }
    }
    return [];
  }
  return { title: t.id };
}
