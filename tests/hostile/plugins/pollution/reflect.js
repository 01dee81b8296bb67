// Replaces all functions of Reflect.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of Object.getOwnPropertyNames(Reflect)) Reflect[name] = () => false;
}
