// Revokes the URL of its own module and imports it again, so that a later load could be another's.
// expect: clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  URL.revokeObjectURL(import.meta.url);
  const found = await import(import.meta.url + "#again").catch(() => null);
  return found !== null && "Deno" in found ? { title: "BREACH" } : [];
}
