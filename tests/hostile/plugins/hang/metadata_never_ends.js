// Keeps an interval running beside the promise of its metadata.
// expect: not_loaded
// limits: load_timeout_s=1
// level: realm

export function get_metadata() {
  setInterval(() => {}, 5);
  return new Promise(() => {});
}

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [];
}
