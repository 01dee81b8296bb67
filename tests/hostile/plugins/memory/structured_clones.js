// Clones its clones, so that serialised bytes lie beside the objects.
// expect: out_of_memory, error
// limits: memory_bytes=96MiB, timeout_s=15
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let value = { bytes: new Array(10_000).fill("abc") };
  for (;;) value = { a: structuredClone(value), b: structuredClone(value) };
}
