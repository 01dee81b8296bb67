// Reads the same from the call sites.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Error.prepareStackTrace = (_, sites) => sites.map((site) => String(site.getFileName()));
  const found = new Error("x").stack.filter((name) => /^(file:\/\/)?\/(?!dev\/fd\/)/.test(name));
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
