// expect: clean
// Local files as modules of every type.

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const url of ["file:///etc/passwd", "file:///etc/hostname", "/etc/passwd", "file:///proc/self/environ"]) {
      for (const type of ["json", "text", "bytes"]) {
        try {
          const found = await import(url, { with: { type } });
          return { title: "reached: " + String(found.default).slice(0, 20) };
        } catch {
          // refused
        }
      }
    }
    return [];
  }
  return { title: t.id };
}
