// Makes the host throw while it holds the frame and looks through everything that hangs on the error.
// expect: clean
// level: realm

let kept = null;
function walk(value, seen, depth) {
  if (depth > 6 || value === null || (typeof value !== "object" && typeof value !== "function")) return;
  if (seen.has(value)) return;
  seen.add(value);
  for (const key of Reflect.ownKeys(value)) {
    try {
      walk(value[key], seen, depth + 1);
    } catch {
      // throws
    }
  }
}
export function scan_transaction(t) {
  const echo = { title: t.id, evidence: `response ${t.request.headers["x-own-marker"]}` };
  if (kept === null) {
    kept = t;
    return echo;
  }
  if (!t.request.url.includes("/bad")) return echo;
  Error.prepareStackTrace = (error, sites) => {
    error.sites = sites.map((
      site,
    ) => [site.getThis(), site.getFunction(), site.getTypeName(), site.toString()]);
    return sites;
  };
  const seen = new Set();
  for (const read of [() => kept.response.text(), () => kept.response.body, () => kept.response.headers]) {
    try {
      read();
    } catch (error) {
      error.stack;
      walk(error, seen, 0);
    }
  }
  for (const value of seen) {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      return { title: "BREACH " + value.byteLength };
    }
  }
}
