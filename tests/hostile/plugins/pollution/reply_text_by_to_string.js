// Replaces what joins, pads and repeats text, and gives arrays another form.
// expect: clean
// level: realm

for (const name of ["join", "toString", "toLocaleString", "toJSON", "map", "flat", "at", "push", "concat"]) {
  Array.prototype[name] = () => "],0],[9999,0,[0],0";
}
for (
  const name of ["concat", "padStart", "slice", "at", "charCodeAt", "toString", "toLowerCase", "normalize"]
) {
  String.prototype[name] = () => '","f":[[0,"{}"]]';
}
export function scan_transaction(t) {
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
