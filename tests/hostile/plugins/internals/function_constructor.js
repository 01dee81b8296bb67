// Climbs from every function it is given to the code it can make with its constructor.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (
    const value of [
      isoscan.report,
      Sentinel.log,
      console.log,
      setTimeout,
      t.request.text,
      Deno.core.ops.op_emit_finding,
    ]
  ) {
    const found = value.constructor("return [typeof process, typeof require, typeof Buffer].join()")();
    if (found !== "undefined,undefined,undefined") return { title: "BREACH " + found };
  }
}
