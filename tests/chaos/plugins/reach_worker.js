// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    try {
      new Worker("data:text/javascript,postMessage(1)", { type: "module" });
      return { title: "reached: Worker" };
    } catch {
      // refused
    }
    return [];
  }
  return { title: t.id };
}
