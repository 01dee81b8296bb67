// Gives the host iterables and array-likes where it takes arrays, and looks which protocol it follows.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const used = [];
  const iterable = {
    title: "fine",
    length: 3,
    0: { title: "by index" },
    [Symbol.iterator]() {
      used.push("iterator");
      return { next: () => ({ done: used.push("next") > 5 }), return: () => used.push("return") };
    },
    [Symbol.asyncIterator]() {
      used.push("async iterator");
    },
  };
  isoscan.report(iterable);
  console.assert.apply(null, { length: 2, 0: false, 1: "x" });
  return used.length === 0 ? [] : { title: "BREACH " + used };
}
