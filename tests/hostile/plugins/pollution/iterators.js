// Replaces iteration itself.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const iterator = Object.getPrototypeOf([][Symbol.iterator]());
  iterator.next = () => ({ done: true });
  Array.prototype[Symbol.iterator] = function* () {
    yield "forged";
  };
  Object.getPrototypeOf(Object.getPrototypeOf(iterator))[Symbol.iterator] = undefined;
}
