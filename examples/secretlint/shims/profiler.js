// secretlint's profiler adds entries to `performance` at every rule and never takes them away: in an isolate
// that lives for many scans that is a leak. Nobody reads them here.
export const secretLintProfiler = { mark() {} };
