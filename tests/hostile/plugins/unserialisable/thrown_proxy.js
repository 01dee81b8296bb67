// Throws a proxy that refuses every question.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  throw new Proxy(new Error("x"), {
    get: () => {
      throw new Error("refused");
    },
    getPrototypeOf: () => {
      throw 1;
    },
  });
}
