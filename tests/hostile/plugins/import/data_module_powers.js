// Looks in a module of its own making for what the plugin's module lacks.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const text =
    "export default Object.getOwnPropertyNames(globalThis).join() + Object.keys(import.meta).join()";
  const found = (await import("data:text/javascript," + encodeURIComponent(text))).default;
  for (
    const name of ["process", "Buffer", "WebAssembly", "SharedArrayBuffer", "Atomics", "filename", "dirname"]
  ) {
    if (found.split(",").includes(name)) return { title: "BREACH " + name };
  }
}
