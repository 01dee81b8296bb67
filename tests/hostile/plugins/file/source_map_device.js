// Names an endless device as a source map.
// expect: clean, error, timeout, out_of_memory, crashed
// limits: timeout_s=1, memory_bytes=128MiB
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const text =
    `export const stack = () => new Error("x").stack;\n//# source${"MappingURL"}=file:///dev/zero\n`;
  const { stack } = await import("data:text/javascript," + encodeURIComponent(text));
  stack();
}
