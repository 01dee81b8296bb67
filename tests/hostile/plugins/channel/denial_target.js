// Asks for a file whose name closes the reply's JSON and goes on with another.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.readFileSync('","x",1]],"f":[[0,"{\\"title\\":\\"BREACH\\"}"]],"n":[["read","\u0000\u001b[2J\ud800');
}
