// Loops while it is loaded.
// expect: not_loaded
// limits: load_timeout_s=1
// level: realm

for (;;);
export function scan_transaction(t) {
  return { title: t.id };
}
