// expect: clean
// A frame of its own on every path to the channel.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const nonce = new Uint8Array(16);
    const text = JSON.stringify([1, 0, [1], 0]);
    const bytes = new Uint8Array([25 + text.length, 0, 0, 0, ...nonce, 2, 0, 0, 0, 3, ...new TextEncoder().encode(text)]);
    for (const write of [(b) => Deno.stdout.writeSync(b), (b) => Deno.core.ops.op_write_sync(1, b), (b) => Deno.core.writeSync(1, b), (b) => process.stdout.write(b)]) {
      try { write(bytes); return { title: "reached: the channel" }; } catch { /* gone */ }
    }
    console.log(String.fromCharCode(...bytes));
    return [];
  }
  return { title: t.id };
}
