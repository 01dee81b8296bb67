// Puts a proxy behind the classes of request and response and collects who is asked for what.
// expect: clean, findings, error
// level: realm

const seen = [];
export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const top = Object.getPrototypeOf(Object.getPrototypeOf(t.request));
    const trap = {
      get(_, __, receiver) {
        seen.push(receiver);
        return undefined;
      },
    };
    try {
      Object.setPrototypeOf(top, new Proxy({}, trap));
      Object.setPrototypeOf(top.constructor, new Proxy(Function.prototype, trap));
    } catch {
      // refused
    }
    return [];
  }
  const found = seen.filter((self) => self instanceof ArrayBuffer);
  return found.length > 0 ? { title: "BREACH" } : { title: t.id, evidence: t.response.text() };
}
