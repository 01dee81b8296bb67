// Reports a proxy that refuses every question.
// expect: error, invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const refuse = () => {
    throw new TypeError("refused");
  };
  return new Proxy({}, {
    get: refuse,
    ownKeys: refuse,
    has: refuse,
    getOwnPropertyDescriptor: refuse,
    getPrototypeOf: refuse,
  });
}
