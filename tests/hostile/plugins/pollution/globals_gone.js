// Deletes every global name there is.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const root = globalThis;
  const remove = Reflect.deleteProperty;
  for (const name of Object.getOwnPropertyNames(root)) remove(root, name);
}
