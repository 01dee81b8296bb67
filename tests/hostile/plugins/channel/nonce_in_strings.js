// Walks every object it can reach and looks for a text of 32 hex digits.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = new Set();
  const queue = [globalThis, t, isoscan, console, Deno];
  while (queue.length > 0 && seen.size < 5000) {
    const object = queue.pop();
    if (Object(object) !== object || seen.has(object)) continue;
    seen.add(object);
    for (const key of Reflect.ownKeys(object)) {
      let value;
      try {
        value = object[key];
      } catch {
        continue;
      }
      if (typeof value === "string" && /^[0-9a-f]{32}$/.test(value)) return { title: "BREACH " + value };
      queue.push(value);
    }
    queue.push(Object.getPrototypeOf(object));
  }
}
