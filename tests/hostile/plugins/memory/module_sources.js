// Imports ever new modules of half a megabyte, whose sources the engine keeps.
// expect: out_of_memory, timeout, error
// limits: memory_bytes=160MiB, timeout_s=10
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (let i = 0; i < 2000; i++) {
    await import(`data:text/javascript,export default ${i};//${"x".repeat(1 << 19)}`);
  }
  return { title: "it all fitted" };
}
