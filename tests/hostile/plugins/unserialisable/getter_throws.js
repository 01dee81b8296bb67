// Reports an object whose title throws.
// expect: invalid_findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    get title() {
      throw new Error("refused");
    },
  };
}
