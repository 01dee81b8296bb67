// Calls the inspection methods the engine hid on its own classes with a forged inspector.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const key = Symbol.for("Deno.privateCustomInspect");
  const seen = [];
  const forged = (value) => {
    seen.push(value);
    return "x";
  };
  for (
    const object of [
      new URL("http://a/"),
      new Event("x"),
      new AbortController(),
      performance,
      new TextDecoder(),
      globalThis,
    ]
  ) {
    try {
      object[key]?.(forged, {});
    } catch {
      // refused
    }
  }
  const found = seen.filter((value) => value === globalThis || typeof value === "function");
  return found.length === 0 ? [] : { title: "BREACH" };
}
