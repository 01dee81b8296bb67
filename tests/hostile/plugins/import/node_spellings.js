// Spells Node's modules in ways that the import map may not know.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (
    const name of [
      "NODE:fs",
      "node:/fs",
      "node:fs/",
      "node:./fs",
      "node:internal/util",
      "node:FS",
      "node: fs",
      "node:f%73",
      "fs/",
      "node:fs?x",
      "node:fs#x",
      "node:_http_agent",
      "node:sqlite",
      "node:sea",
      "node:test",
      "node:wasi",
      "node:inspector",
      "node:inspector/promises",
      "node:v8",
      "node:vm",
      "node:trace_events",
    ]
  ) {
    const found = await import(name).catch(() => null);
    if (found !== null) return { title: "BREACH " + name };
  }
}
