// Reports every control character, and commands to a terminal.
// expect: findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const all = Array.from({ length: 160 }, (_, code) => String.fromCharCode(code)).join("");
  return {
    title: "x" + all,
    evidence: "\u001b[2J\u001b]0;title\u0007\u009b31m\u202e\u2028\u2029\ufeff\uffff",
  };
}
