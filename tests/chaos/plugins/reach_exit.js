// expect: clean
// Every way to end the process.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const tries = [
      () => Deno.exit(0),
      () => process.exit(0),
      () => close(),
      () => self.close(),
      () => globalThis.close.call(globalThis),
      () => Deno.core.ops.op_exit(),
      () => Deno.core.destructureError(),
      () => process.reallyExit(0),
      () => process.abort(),
      () => process.kill(process.pid, 9),
      () => Deno.kill(Deno.pid),
      () => Function("%DebugBreak()")(),
    ];
    for (const attempt of tries) {
      try { attempt(); } catch { /* refused */ }
    }
    return [];
  }
  return { title: t.id };
}
