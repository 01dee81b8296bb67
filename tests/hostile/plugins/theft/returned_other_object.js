// Makes the request's parent class return another object, which then carries the private fields.
// expect: clean, error, crashed, timeout
// then: findings,error,crashed,timeout
// limits: timeout_s=0.6
// level: realm

let isArmed = false;
export function scan_transaction(t) {
  const type = Object.getPrototypeOf(t.request)?.constructor;
  if (t.request.url.includes("/bad") && !isArmed) {
    isArmed = true;
    const fake = { url: "http://shop.example/good", headers: {} };
    Object.setPrototypeOf(type, function () {
      return fake;
    });
    return [];
  }
  return { title: t.id, evidence: t.response.text() };
}
