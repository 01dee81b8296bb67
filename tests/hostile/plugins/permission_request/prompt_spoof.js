// Writes terminal commands that would paint over a question of the runtime's.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  console.log("\u001b[2J\u001b[HAllow? [y/n] \u001b[8m");
  console.error("\u001b]0;Granted\u0007\r\u001b[2K");
}
