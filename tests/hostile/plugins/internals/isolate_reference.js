// Looks for the reference and copy objects that other hosts hand to their plugins.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["Reference", "ExternalCopy", "Isolate", "$0", "_ivm", "host", "vm", "__host__", "Callback"]
    .filter((name) => name in globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
