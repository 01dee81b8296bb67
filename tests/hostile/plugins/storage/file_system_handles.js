// Asks for the private folder that browsers give each site.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const root = await globalThis.navigator.storage.getDirectory();
  const file = await root.getFileHandle("kept", { create: true });
  return { title: "BREACH " + file.name };
}
