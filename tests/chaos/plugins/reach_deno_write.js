// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["stdout", "stdin", "exit", "readTextFileSync", "env", "Command", "internal", "run"]) {
      if (name in Deno) return { title: "reached: Deno." + name };
    }
    Deno.core.ops.op_print?.("text", true);
    Deno.core.print?.("text", true);
    return [];
  }
  return { title: t.id };
}
