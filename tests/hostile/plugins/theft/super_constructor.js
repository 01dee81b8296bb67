// Puts its own function between the request's class and its parent, and receives the frame when the next request is made.
// expect: clean, findings, error
// level: realm

let stolen = null;
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) {
    const type = Object.getPrototypeOf(t.request).constructor;
    const parent = Object.getPrototypeOf(type);
    if (stolen === null && parent !== Function.prototype) {
      Object.setPrototypeOf(type, function (...args) {
        stolen ??= args.find((value) => value instanceof ArrayBuffer);
        return Reflect.construct(parent, args, new.target);
      });
    }
    return { title: t.id, evidence: t.response.text() };
  }
  return stolen === null ? [] : { title: "BREACH " + new TextDecoder().decode(stolen).slice(0, 200) };
}
