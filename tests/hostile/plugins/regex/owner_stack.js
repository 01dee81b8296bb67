// Throws an error whose stack makes the owner's expressions backtrack, not its own.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const error = new Error("x");
  error.stack = "\n".repeat(16_384);
  throw error;
}
