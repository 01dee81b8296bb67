// Looks for the navigator, which knows language, cores and system.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return typeof navigator === "undefined" ? [] : { title: "BREACH " + navigator.userAgent };
}
