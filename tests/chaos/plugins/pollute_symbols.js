// expect: clean, error

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
      try { delete globalThis[symbol]; } catch { /* stays */ }
    }
    Object.setPrototypeOf(globalThis, null);
    return [];
  }
  return { title: t.id };
}
