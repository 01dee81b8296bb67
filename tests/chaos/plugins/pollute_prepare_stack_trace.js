// expect: clean, error

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    Error.prepareStackTrace = (error, sites) => { kept = sites; throw new Error("prepare"); };
    Error.stackTraceLimit = 1e9;
    Error.captureStackTrace = () => {};
    let kept;
    try { null.x; } catch (error) { error.stack; }
    return [];
  }
  return { title: t.id };
}
