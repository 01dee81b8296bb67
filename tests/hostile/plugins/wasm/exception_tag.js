// Looks for the tag with which WebAssembly catches the host's own exceptions.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = [];
  for (const root of [globalThis, Object.getPrototypeOf(globalThis), Deno]) {
    for (const name of ["WebAssembly", "JSTag", "Tag", "Suspending", "Module", "Table"]) {
      if (root[name] !== undefined) found.push(name);
    }
  }
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
