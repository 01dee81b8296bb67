// Throws an error whose name and stack are written to break out of their quotes.
// expect: error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const error = new Error("x");
  error.name = '","stack":"","x":[';
  error.stack = '\\"\\u0022}],\u2028';
  throw error;
}
