// expect: out_of_memory, error
// Fills memory through the encoder.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const text = "é".repeat(1 << 24);
    const kept: Uint8Array[] = [];
    for (;;) kept.push(new TextEncoder().encode(text));
  }
  return { title: t.id };
}
