// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const tries = ["AsyncContext", "AsyncLocalStorage"].filter((name) => name in globalThis);
    if (tries.length) return { title: "reached: " + tries };
    return [];
  }
  return { title: t.id };
}
