// Replaces how numbers, booleans, strings and integers become text.
// expect: clean
// level: realm

for (const type of [Number, Boolean, String, BigInt, Symbol]) {
  type.prototype.toString = () => "0,[999";
  type.prototype.valueOf = () => 7;
  try {
    Object.defineProperty(type.prototype, Symbol.toPrimitive, { value: () => "0]],[[" });
  } catch {
    // refused
  }
}
export function scan_transaction(t) {
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
