// Aborts the process.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  t.constructor.constructor("return process")().abort();
  return { title: "BREACH" };
}
