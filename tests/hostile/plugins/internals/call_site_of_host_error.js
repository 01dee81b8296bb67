// Provokes an error inside the host's own functions and takes call sites from that one.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let sites = [];
  Error.prepareStackTrace = (_, all) => sites = all;
  try {
    setTimeout("text");
  } catch (error) {
    error.stack;
  }
  const found = sites.flatMap((site) => [site.getThis(), site.getFunction()]).filter((value) =>
    Object(value) === value
  );
  return found.filter((value) => value !== globalThis).length === 0
    ? []
    : { title: "BREACH " + found.map(String) };
}
