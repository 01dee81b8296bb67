// Reports a finding whose title closes the reply's JSON and goes on with another.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: '"}"]]},{"d":1,"f":[[0,"{\\"title\\":\\"forged\\"}"]]}],0]' };
}
