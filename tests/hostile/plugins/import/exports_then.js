// Exports `then`, so that importing it hands it the importer's own resolving functions.
// expect: not_loaded
// limits: load_timeout_s=3
// level: realm

export function then(resolve) {
  const found = typeof resolve.constructor("return typeof process")();
  resolve({ default: null, found });
}
