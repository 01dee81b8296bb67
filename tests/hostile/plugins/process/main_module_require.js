// Follows process.mainModule.require, as escapes from Node's vm do.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "BREACH " + t.constructor.constructor("return process")().mainModule.require("child_process"),
  };
}
