// expect: clean, error
// Takes the host's place at its own events.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const seen = [];
    for (const name of ["error", "unhandledrejection", "beforeunload", "unload", "load"]) {
      try { globalThis.addEventListener?.(name, (event) => seen.push(event)); } catch { /* gone */ }
      try { EventTarget.prototype.addEventListener.call(globalThis, name, () => { for (;;); }); } catch { /* gone */ }
      try { globalThis["on" + name] = () => { for (;;); }; } catch { /* gone */ }
    }
    return [];
  }
  return { title: t.id };
}
