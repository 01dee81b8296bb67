// expect: clean
// Would write to the channel and block on it.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["prompt", "alert", "confirm"]) {
      try { globalThis[name]("x"); return { title: "reached: " + name }; } catch { /* gone */ }
    }
    return [];
  }
  return { title: t.id };
}
