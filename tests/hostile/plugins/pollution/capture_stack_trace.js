// Replaces the functions that make stack traces.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Error.captureStackTrace = (object) => {
    object.stack = "forged";
  };
  Error.stackTraceLimit = -1;
  Error.prepareStackTrace = () => ({ forged: true });
}
