// expect: clean, error, findings
// Native work that ends in a later scan.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    (async () => {
      for (let i = 0; i < 3; i++) await crypto.subtle.digest("SHA-256", new Uint8Array(1 << 16));
      isoscan.report({ title: t.id });
      throw new Error("late");
    })();
    return [];
  }
  return { title: t.id };
}
