// Makes the engine read a file as the source map of a module it imports, and sees its content in a stack.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const map = "file://" + t.request.headers["x-canary-map"];
  const text = `export const stack = () => new Error("x").stack;\n//# source${"MappingURL"}=${map}\n`;
  const { stack } = await import("data:text/javascript," + encodeURIComponent(text));
  const found = /CANARY[\w-]*/.exec(stack());
  return found === null ? [] : { title: "BREACH " + found[0] };
}
