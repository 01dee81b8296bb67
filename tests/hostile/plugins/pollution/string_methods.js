// Replaces the methods of strings.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of Object.getOwnPropertyNames(String.prototype)) {
    if (!["constructor", "length", "includes"].includes(name)) String.prototype[name] = () => "forged";
  }
}
