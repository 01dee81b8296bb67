// Names the process's own input as a source map, to swallow the orders on it.
// expect: clean, error, timeout, crashed
// limits: timeout_s=1
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const path of ["/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"]) {
    const text =
      `export const stack = () => new Error("x").stack;\n//# source${"MappingURL"}=file://${path}\n`;
    const { stack } = await import("data:text/javascript," + encodeURIComponent(text));
    if (stack().includes("CANARY")) return { title: "BREACH" };
  }
}
