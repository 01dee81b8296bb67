// Reads the last text that any regular expression saw from the old static fields.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  new RegExp("");
  const found = [RegExp.input, RegExp.lastMatch, RegExp.leftContext, RegExp.rightContext, RegExp.$1].join();
  return found.includes("marker-") && !found.includes(t.request.headers["x-own-marker"])
    ? { title: "BREACH " + found }
    : [];
}
