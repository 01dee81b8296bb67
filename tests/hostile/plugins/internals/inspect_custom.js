// Receives the inspector that the console hands to objects with a custom form, and looks for its powers.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  console.log({
    [Symbol.for("nodejs.util.inspect.custom")](...args) {
      seen.push(...args);
      return "x";
    },
  });
  console.log({
    [Symbol.for("Deno.customInspect")](...args) {
      seen.push(...args);
      return "x";
    },
  });
  console.log({
    [Symbol.for("Deno.privateCustomInspect")](...args) {
      seen.push(...args);
      return "x";
    },
  });
  for (const value of seen) {
    if (
      typeof value === "function" &&
      value.constructor("return typeof process + typeof Buffer")() !== "undefinedundefined"
    ) {
      return { title: "BREACH" };
    }
  }
}
