// Reads its own place on the disk from import.meta.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { filename, dirname, main } = import.meta;
  return filename || dirname || main ? { title: `BREACH ${filename} ${dirname} ${main}` } : [];
}
