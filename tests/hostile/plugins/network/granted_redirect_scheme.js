// With network, fetches a file and a data URL's script as if they were on the network.
// expect: clean
// permissions: net=127.0.0.1:9
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const answer = await fetch("file://" + t.request.headers["x-canary-text"]).catch(() => null);
  return answer === null ? [] : { title: "BREACH " + await answer.text() };
}
