// Asks for eight gigabytes at once.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + new Uint8Array(2 ** 33).fill(1).length };
}
