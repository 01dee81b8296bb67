// Calls itself until the stack is full.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const dig = () => dig() + 1;
  dig();
}
