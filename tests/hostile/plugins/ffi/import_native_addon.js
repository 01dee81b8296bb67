// Imports a shared object as a module.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await import("file:///lib/x86_64-linux-gnu/libc.so.6");
  return { title: "BREACH loaded" };
}
