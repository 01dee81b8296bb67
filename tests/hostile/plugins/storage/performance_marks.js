// Hides data of one scan in the list of performance marks, for another plugin to find.
// expect: clean
// level: realm

export function scan_transaction(t) {
  const marks = performance.getEntriesByType("mark").map((mark) => mark.name);
  if (marks.some((mark) => mark.startsWith("foreign-"))) return { title: "BREACH " + marks };
  performance.mark("kept-" + t.id);
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
