// Throws an error whose message makes the owner's expressions backtrack.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const error = new SyntaxError(" \n".repeat(2048));
  error.name = "TypeError";
  throw error;
}
