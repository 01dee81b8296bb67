// Replaces all static functions of Object.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of Object.getOwnPropertyNames(Object)) {
    if (typeof Object[name] === "function") Object[name] = () => ({});
  }
}
