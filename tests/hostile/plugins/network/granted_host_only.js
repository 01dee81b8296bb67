// With network for one host, reaches for another port of it.
// expect: clean
// permissions: net=127.0.0.1:9
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const port = t.request.headers["x-canary-port"];
  const answer = await fetch("http://127.0.0.1:" + port).catch(() => null);
  return answer === null ? [] : { title: "BREACH " + answer.status };
}
