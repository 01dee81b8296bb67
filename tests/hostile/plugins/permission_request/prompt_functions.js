// Asks the person at the terminal directly.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["prompt", "confirm", "alert"].filter((name) => typeof globalThis[name] === "function");
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
