// Looks for an environment on import.meta.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return import.meta.env === undefined ? [] : { title: "BREACH " + JSON.stringify(import.meta.env) };
}
