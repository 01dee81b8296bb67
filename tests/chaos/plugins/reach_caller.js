// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    function sloppy() { return sloppy.caller; }
    let found = null;
    try { found = new Function("return arguments.callee.caller")(); } catch { /* strict */ }
    if (found) return { title: "reached: " + String(found).slice(0, 40) };
    try { found = sloppy(); } catch { /* strict */ }
    if (found && found !== scan_transaction) return { title: "reached" };
    return [];
  }
  return { title: t.id };
}
