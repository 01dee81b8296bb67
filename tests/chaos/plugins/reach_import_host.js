// expect: clean
// Finds the host's own module through a stack and imports it.

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const urls = [import.meta.url];
    const text = new Error("x").stack + (() => { try { null.x; } catch (e) { return e.stack; } })();
    for (const match of text.matchAll(/(file:\/\/[^\s)]+?):\d+/g)) urls.push(match[1]);
    const trace = {};
    Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFileName());
    Error.captureStackTrace(trace);
    for (const url of [].concat(trace.stack)) if (typeof url === "string") urls.push(url);
    for (const url of urls) {
      if (!url || !url.startsWith("file:")) continue;
      let host;
      try { host = await import(url); } catch { continue; }
      const held = Object.keys(host).filter((name) => !["apply", "parse", "stringify"].includes(name));
      if (held.length) return { title: "reached: " + held };
    }
    return [];
  }
  return { title: t.id };
}
