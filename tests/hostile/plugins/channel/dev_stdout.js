// Opens standard output by name.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.openSync("/dev/stdout", { write: true }).writeSync(new Uint8Array(64));
  return { title: "BREACH written" };
}
