// Opens an event source.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new EventSource("http://127.0.0.1:" + t.request.headers["x-canary-port"]);
  return { title: "BREACH opened" };
}
