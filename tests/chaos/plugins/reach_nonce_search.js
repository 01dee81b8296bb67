// expect: clean
// Walks every object it can reach and looks for the secret or the channel.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const seen = new Set();
    const queue = [globalThis, t, t.request, t.response, isoscan, Sentinel, Deno, console];
    while (queue.length && seen.size < 20_000) {
      const object = queue.pop();
      if ((typeof object !== "object" && typeof object !== "function") || object === null || seen.has(object)) continue;
      seen.add(object);
      for (const key of Reflect.ownKeys(object)) {
        let value;
        try { value = object[key]; } catch { continue; }
        if (typeof value === "string" && /^[0-9a-f]{32}$/.test(value)) return { title: "reached: " + String(key) };
        if (value instanceof Uint8Array && value.length === 16) return { title: "reached: bytes" };
        if (typeof key === "string" && /^(writeSync|readSync|setNonce|readFrame)$/.test(key)) return { title: "reached: " + key };
        queue.push(value);
      }
      queue.push(Object.getPrototypeOf(object));
    }
    return [];
  }
  return { title: t.id };
}
