// Imports through functions that the realm builds from text, in each kind of function there is.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const maker of [Function, (async () => {}).constructor, (function* () {}).constructor]) {
    let found = null;
    try {
      const made = maker("return import('node:fs')")();
      found = await (made.next ? made.next().value : made);
    } catch {
      // refused
    }
    if (found) return { title: "BREACH " + Object.keys(found) };
  }
}
