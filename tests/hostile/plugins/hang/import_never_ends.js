// Waits for the import of a module that waits for itself.
// expect: error, crashed
// limits: timeout_s=1
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("data:text/javascript,await new Promise(() => {});");
}
