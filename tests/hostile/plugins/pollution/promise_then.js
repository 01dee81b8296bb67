// Replaces the methods of promises, on which every await of others might rest.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Promise.prototype.then = function () {
    return this;
  };
  Promise.resolve = Promise.reject = Promise.all = () => ({});
}
