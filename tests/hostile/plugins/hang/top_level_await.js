// Waits for ever while it is loaded.
// expect: not_loaded
// limits: load_timeout_s=3
// level: realm

await new Promise(() => {});
export function scan_transaction(t) {
  return { title: t.id };
}
