// expect: clean
// V8's own test functions.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    try { eval("%GetOptimizationStatus(1)"); return { title: "reached: natives" }; } catch { /* refused */ }
    if (typeof gc === "function") return { title: "reached: gc" };
    return [];
  }
  return { title: t.id };
}
