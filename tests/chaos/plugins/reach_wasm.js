// expect: clean
// A module with one function, imported without the global.

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    try {
      const found = await import("data:application/wasm;base64,AGFzbQEAAAABBQFgAAF/AwIBAAcFAQFmAAAKBgEEAEEqCw==".slice());
      return { title: "reached: WebAssembly " + found.f() };
    } catch {
      // refused
    }
    return [];
  }
  return { title: t.id };
}
