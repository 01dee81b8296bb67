// Asks import.meta.resolve for a place on the disk.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["npm:left-pad", "fs", "./x.ts", "/x"].map((name) => {
    try {
      return import.meta.resolve(name);
    } catch {
      return "";
    }
  });
  const places = found.filter((url) => url.startsWith("file:") || url.includes("home"));
  return places.length === 0 ? [] : { title: "BREACH " + places };
}
