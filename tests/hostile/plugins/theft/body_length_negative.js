// Gives its response lengths that no body has.
// expect: clean, error
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const length of [-1, 0.5, NaN, 2 ** 32, "9", undefined, { valueOf: () => 500 }]) {
    try {
      t.response.bodyLength = length;
      const text = t.response.text().replaceAll(t.request.headers["x-own-marker"], "");
      if (text.includes("marker-")) return { title: "BREACH " + text.slice(0, 200) };
    } catch {
      // refused
    }
  }
}
