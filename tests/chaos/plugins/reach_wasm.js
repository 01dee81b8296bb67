// expect: clean

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const bytes = "data:application/wasm;base64,AGFzbQEAAAA=";
    try {
      await import(bytes);
      return { title: "reached: WebAssembly" };
    } catch {
      // refused
    }
    return [];
  }
  return { title: t.id };
}
