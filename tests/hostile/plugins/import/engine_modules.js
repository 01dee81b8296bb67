// Imports the engine's own modules by their schemes.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (
    const name of [
      "ext:core/mod.js",
      "ext:core/ops",
      "ext:deno_io/12_io.js",
      "ext:deno_fs/30_fs.js",
      "ext:runtime_main/js/99_main.js",
      "checkin:core",
      "internal:deno_core/00_primordials.js",
      "deno:runtime",
      "cache:x",
      "virtual:x",
      "embedder:x",
    ]
  ) {
    const found = await import(name).catch(() => null);
    if (found !== null) return { title: "BREACH " + name + Object.keys(found) };
  }
}
