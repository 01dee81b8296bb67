// Makes transactions with the constructor of its own one, over rows that watch who reads them.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const own = t.request.headers["x-own-marker"];
  const asked = [];
  const row = new Proxy(Array.from({ length: 13 }, () => 27), {
    get(target, name) {
      asked.push(name);
      return target[name];
    },
  });
  const blocks = [t, t.request, t.response, new ArrayBuffer(4096), {}, new Proxy(t, {})];
  for (const block of blocks) {
    for (const offset of [0, -4096, 1 << 16, NaN]) {
      try {
        const made = new t.constructor(row, block, offset, offset);
        for (const part of [made.request, made.response]) {
          for (
            const read of [() => part.text(), () => part.body, () => part.headers, () => part.rawHeaders]
          ) {
            try {
              const text = String(JSON.stringify(read()));
              if (text.replaceAll(own, "").includes("marker-")) {
                return { title: "BREACH " + text.slice(0, 200) };
              }
            } catch {
              // refused
            }
          }
        }
      } catch {
        // refused
      }
    }
  }
  return asked.length > 0 ? [] : { title: "the row was not read" };
}
