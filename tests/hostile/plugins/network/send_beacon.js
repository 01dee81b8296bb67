// Sends a beacon.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  navigator.sendBeacon("http://127.0.0.1:" + t.request.headers["x-canary-port"], "x");
  return { title: "BREACH sent" };
}
