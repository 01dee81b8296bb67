// Gives every property descriptor a getter, so that definitions become impossible.
// expect: error, clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const name of ["get", "set", "writable", "value", "configurable", "enumerable"]) {
    Object.prototype[name] = () => "forged";
  }
  Deno.readFileSync("x");
}
