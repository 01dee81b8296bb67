// Waits for ever in its init function.
// expect: not_loaded
// limits: load_timeout_s=3
// level: realm

export function init() {
  return new Promise(() => {});
}

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [];
}
