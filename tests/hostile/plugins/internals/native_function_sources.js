// Reads the text of every function it can reach, for names and numbers that lead to the host.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = new Set();
  const open = [globalThis, t, t.request, t.response, isoscan, Deno, console];
  let text = "";
  while (open.length > 0 && seen.size < 20000) {
    const value = open.pop();
    if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) {
      continue;
    }
    seen.add(value);
    if (typeof value === "function") text += Function.prototype.toString.call(value);
    for (const key of Reflect.ownKeys(value)) {
      const { get, set, value: inner } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      open.push(get, set, inner);
    }
    open.push(Object.getPrototypeOf(value));
  }
  const found = text.match(/\b[0-9a-f]{32}\b/) ?? text.match(/file:\/\/\/(?!dev\/fd)[a-z]+\//);
  return found === null ? [] : { title: "BREACH " + found };
}
