// Makes a link in a place it may write that leads to one it may not.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Deno.symlinkSync("/etc", t.request.headers["x-canary-folder"] + "/link");
  return { title: "BREACH linked" };
}
