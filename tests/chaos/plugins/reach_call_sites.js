// expect: clean
// Call sites hand out the host's functions in sloppy code.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const found = [];
    Error.prepareStackTrace = (_, sites) => sites;
    for (const site of new Error("x").stack) {
      const fn = site.getFunction?.();
      const self = site.getThis?.();
      if (fn !== undefined && !String(fn).includes("getFunction")) found.push(String(fn).slice(0, 40));
      if (self !== undefined && self !== globalThis && self !== null) found.push("this");
    }
    if (found.length) return { title: "reached: " + found };
    return [];
  }
  return { title: t.id };
}
