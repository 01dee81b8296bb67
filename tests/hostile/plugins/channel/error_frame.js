// Throws an error whose message closes the reply's JSON and goes on with another.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  throw new Error('"}}],0][1,0,[{"d":1,"f":[[0,"{\\"title\\":\\"BREACH\\"}"]]}],0]');
}
