// Poses as a file with a source URL comment and looks whether its lines come back in a stack.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const path = t.request.headers["x-canary-text"];
  const stack = (0, eval)(`(() => new Error("x").stack)\n//# source${"URL"}=file://${path}`)();
  return stack.includes("CANARY") ? { title: "BREACH " + stack } : [];
}
