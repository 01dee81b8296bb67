// Looks for version numbers of the runtime.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = Deno.version ?? globalThis.process?.versions ?? Deno.build;
  return found === undefined ? [] : { title: "BREACH " + JSON.stringify(found) };
}
