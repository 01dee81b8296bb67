// Looks for Node's global in sloppy code, where deleted names may still resolve.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = new Function("return typeof process + typeof Buffer + typeof global")();
  return found === "undefinedundefinedundefined" ? [] : { title: "BREACH " + found };
}
