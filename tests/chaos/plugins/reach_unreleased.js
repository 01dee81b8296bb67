// expect: clean, error
// Hands back another object than it was given, so that its own keeps its hold on the memory.

let kept = null;
let own = "";

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const read of [() => kept.text(), () => new TextDecoder().decode(kept.body)]) {
      let found = own;
      try {
        found = read();
      } catch {
        // refused
      }
      if (found !== own) return { title: "reached: " + found };
    }
    return [];
  }
  if (kept === null) {
    kept = t.response;
    own = "before";
    for (const name of ["request", "response"]) {
      try {
        Object.defineProperty(t, name, { value: t.request, configurable: true, writable: true });
      } catch {
        // stays
      }
    }
  }
  return { title: t.id };
}
