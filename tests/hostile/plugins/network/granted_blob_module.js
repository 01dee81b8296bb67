// With network granted, imports a module from a blob and looks what that one may do.
// expect: clean
// permissions: net=127.0.0.1:9
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const text =
    "export default [typeof process, typeof Buffer, typeof WebAssembly, typeof Deno.core.print].join()";
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const found = (await import(url)).default;
  return found === "undefined,undefined,undefined,undefined" ? [] : { title: "BREACH " + found };
}
