// Looks under every registered symbol it knows for something the host left there.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const names = [
    "Deno.core",
    "Deno.internal",
    "core",
    "internal",
    "isoscan",
    "nodejs.rejection",
    "nodejs.dispose",
    "undici.globalDispatcher.1",
  ];
  for (const name of names) {
    const found = globalThis[Symbol.for(name)] ?? Deno[Symbol.for(name)] ?? isoscan[Symbol.for(name)];
    if (found !== undefined) return { title: "BREACH " + name };
  }
}
