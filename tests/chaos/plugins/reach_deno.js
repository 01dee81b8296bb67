// expect: clean
// The real Deno namespace, by any of its names.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const allowed = ["core"];
    const names = Reflect.ownKeys(Deno).map(String).filter((name) => !allowed.includes(name));
    const ops = Reflect.ownKeys(Deno.core).map(String).filter((name) => name !== "ops");
    if (names.length || ops.length || Reflect.ownKeys(Deno.core.ops).length > 2) return { title: "reached: " + names + ops };
    return [];
  }
  return { title: t.id };
}
