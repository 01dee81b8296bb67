// Names an address as a source map, so that a stack trace makes the request.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const map = "http://127.0.0.1:" + t.request.headers["x-canary-port"] + "/map";
  const text = `export const stack = () => new Error("x").stack;\n//# source${"MappingURL"}=${map}\n`;
  (await import("data:text/javascript," + encodeURIComponent(text))).stack();
}
