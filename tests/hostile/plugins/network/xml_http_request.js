// Tries the oldest request object.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new XMLHttpRequest().open("GET", "http://127.0.0.1:" + t.request.headers["x-canary-port"]);
  return { title: "BREACH opened" };
}
