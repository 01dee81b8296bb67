// Looks for a function whose constructor belongs to another realm.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const own = (() => {}).constructor;
  for (
    const value of [
      isoscan.report,
      console.log,
      setTimeout,
      queueMicrotask,
      structuredClone,
      t.request.text,
      URL,
    ]
  ) {
    if (value.constructor !== own) return { title: "BREACH " + value.name };
  }
}
