// Keeps weak references to every transaction and looks for one that was not its own scan's.
// expect: findings
// level: realm

const kept = [];
export function scan_transaction(t) {
  const foreign = kept.map((ref) => ref.deref()).filter((other) => other && other.id === t.id && other !== t);
  kept.push(new WeakRef(t));
  if (foreign.length > 0) return { title: "BREACH " + foreign.length };
  return { title: t.id, evidence: t.response.text() };
}
