// Opens the C library.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.dlopen("libc.so.6", {}) };
}
