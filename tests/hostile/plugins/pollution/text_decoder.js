// Replaces the methods of the text decoder.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  TextDecoder.prototype.decode = () => "forged";
  Object.defineProperty(TextDecoder.prototype, "encoding", { get: () => "forged" });
}
