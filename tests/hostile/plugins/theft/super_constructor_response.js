// Does the same to the response's class, and changes the bytes of the transactions to come.
// expect: clean, findings, error
// level: realm

let isArmed = false;
export function scan_transaction(t) {
  const type = Object.getPrototypeOf(t.response).constructor;
  const parent = Object.getPrototypeOf(type);
  if (t.request.url.includes("/bad") && !isArmed && parent !== Function.prototype) {
    isArmed = true;
    Object.setPrototypeOf(type, function (...args) {
      new Uint8Array(args[0]).fill(66);
      return Reflect.construct(parent, args, new.target);
    });
    return [];
  }
  return { title: t.id, evidence: t.response.text() };
}
