// Searches an object that says it has nine thousand billion elements, in one call.
// expect: timeout
// limits: timeout_s=1
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
}
