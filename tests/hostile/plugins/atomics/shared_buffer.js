// Looks for shared memory, with which a precise clock can be made.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = ["SharedArrayBuffer", "Atomics"].filter((name) => name in globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
