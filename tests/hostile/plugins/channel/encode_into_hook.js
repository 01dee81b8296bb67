// Replaces the encoder's methods to write into the reply on its way out.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  TextEncoder.prototype.encodeInto = function (_, bytes) {
    bytes.fill(65);
    return { read: 1, written: 60 };
  };
  TextEncoder.prototype.encode = () => new Uint8Array(60);
}
