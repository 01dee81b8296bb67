// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    try { const realm = new ShadowRealm(); return { title: "reached: " + realm }; } catch { /* gone */ }
    const frame = globalThis.document ?? globalThis.frames ?? globalThis.parent;
    if (frame) return { title: "reached" };
    return [];
  }
  return { title: t.id };
}
