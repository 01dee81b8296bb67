// Looks for channels that reach beyond its own realm.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["MessageChannel", "MessagePort", "BroadcastChannel"].filter((name) => name in globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
