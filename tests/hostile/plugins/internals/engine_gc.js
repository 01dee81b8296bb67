// Calls the garbage collector that the host took at its start.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return typeof gc === "undefined" ? [] : { title: "BREACH gc" };
}
