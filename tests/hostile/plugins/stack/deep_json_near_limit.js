// Reports findings of every depth around what the owner's parser takes.
// expect: invalid_findings, findings
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = [];
  for (let depth = 900; depth < 1100; depth++) {
    let deep = 1;
    for (let level = 0; level < depth; level++) deep = [deep];
    found.push({ title: "deep", deep });
  }
  return found;
}
