// One rule reads key files (.p12) from disk; a response has no file, and the plugin never names one so.
export function readFileSync() {
  throw new Error("there are no files in the sandbox");
}
