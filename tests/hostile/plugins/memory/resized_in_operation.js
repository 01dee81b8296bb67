// Shrinks a buffer while the engine works on it in another thread.
// expect: clean, crashed, out_of_memory
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const own = t.request.headers["x-own-marker"];
  for (let round = 0; round < 20; round++) {
    const buffer = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 22 });
    const bytes = new Uint8Array(buffer);
    const pending = [];
    for (
      const start of [
        () => crypto.subtle.digest("SHA-512", bytes),
        () =>
          crypto.subtle.digest({
            name: "SHA-1",
            get x() {
              return buffer.resize(8);
            },
          }, buffer),
        () => crypto.getRandomValues(bytes.subarray(0, 1024)),
        () => new TextDecoder("utf-16le").decode(bytes),
        () => new TextEncoder().encodeInto("x".repeat(100_000), bytes),
      ]
    ) {
      try {
        pending.push(start());
      } catch {
        // refused
      }
    }
    try {
      buffer.resize(16);
      buffer.resize(1 << 22);
    } catch {
      // refused
    }
    await Promise.allSettled(pending);
    const text = new TextDecoder().decode(new Uint8Array(buffer).slice()).replaceAll(own, "");
    if (text.includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
  }
}
