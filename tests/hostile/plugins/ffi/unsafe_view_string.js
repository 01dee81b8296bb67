// Reads a C string at an address of its own choice.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return { title: "BREACH " + Deno.UnsafePointerView.getCString(4096n) };
}
