// Gives its response pairs of its own whose getters read the same headers again while they are written.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const own = t.request.headers["x-own-marker"];
  const seen = [];
  let depth = 0;
  const pair = new Proxy(["a", "b"], {
    get(target, name) {
      seen.push(String(name));
      if (depth++ < 50) JSON.stringify(t.response.headers);
      return target[name];
    },
  });
  Object.defineProperty(t.response, "rawHeaders", { get: () => [pair, ["__proto__", "x"], [{}, {}], pair] });
  let text = "";
  try {
    text = JSON.stringify(t.response.headers);
  } catch {
    // refused
  }
  if (text.replaceAll(own, "").includes("marker-") || {}.x !== undefined) return { title: "BREACH " + text };
}
