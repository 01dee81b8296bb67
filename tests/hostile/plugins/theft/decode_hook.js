// Replaces the decoder's method and waits for the host to decode with it.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const seen = [];
  const own = TextDecoder.prototype.decode;
  TextDecoder.prototype.decode = function (bytes) {
    seen.push(bytes);
    return Reflect.apply(own, this, [bytes]);
  };
  t.request.text();
  t.response.text();
  return seen.length === 0
    ? []
    : { title: "BREACH " + Reflect.apply(own, new TextDecoder(), [seen[0].buffer]).slice(0, 200) };
}
