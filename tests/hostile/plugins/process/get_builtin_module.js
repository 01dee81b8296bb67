// Asks process.getBuiltinModule, which no import map sees.
// expect: error
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "BREACH " + t.constructor.constructor("return process")().getBuiltinModule("child_process"),
  };
}
