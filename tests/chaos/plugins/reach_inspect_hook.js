// expect: clean
// What the console's inspector hands to a plugin's own hook.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const seen = [];
    const thief = {
      [Symbol.for("Deno.customInspect")](inspect, options) { seen.push(inspect, options); return "x"; },
      [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) { seen.push(options, inspect); return "x"; },
    };
    console.log(thief);
    for (const value of seen) {
      const text = typeof value === "function" ? String(value.constructor("return typeof process")()) : "undefined";
      if (text !== "undefined") return { title: "reached: " + text };
    }
    return [];
  }
  return { title: t.id };
}
