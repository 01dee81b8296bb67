// expect: clean
// Keeps an earlier transaction and reads its bodies later, when their memory holds others.

let kept = null;

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const read of [() => kept.request.body, () => kept.response.body, () => kept.response.text()]) {
      try {
        const found = read();
        return { title: "reached: " + (typeof found === "string" ? found : new TextDecoder().decode(found)) };
      } catch {
        // refused
      }
    }
    return [];
  }
  kept ??= t;
  return { title: t.id };
}
