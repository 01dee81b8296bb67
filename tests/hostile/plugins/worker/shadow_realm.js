// Opens another realm, whose globals nobody emptied.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  if (typeof ShadowRealm === "undefined") return [];
  const found = new ShadowRealm().evaluate("typeof Deno + typeof WebAssembly");
  return { title: "BREACH " + found };
}
