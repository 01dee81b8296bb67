// Loops in the getter that the host asks for a promise's method.
// expect: timeout
// limits: timeout_s=0.6
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    get then() {
      for (;;);
    },
  };
}
