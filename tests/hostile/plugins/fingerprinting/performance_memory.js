// Asks the clock object for memory figures.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = performance.memory ?? performance.measureUserAgentSpecificMemory;
  return found === undefined ? [] : { title: "BREACH " + String(found) };
}
