// expect: clean
// A module of its own making has no more than the plugin.

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const found = await import(["data"].join() + ":text/javascript,export default [typeof process, typeof fetch, typeof Deno.readFile, typeof WebAssembly].join()").catch(() => null);
    if (found && found.default !== "undefined,undefined,undefined,undefined") return { title: "reached: " + found.default };
    return [];
  }
  return { title: t.id };
}
