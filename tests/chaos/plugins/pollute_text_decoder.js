// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    TextDecoder.prototype.decode = () => "forged";
    TextEncoder.prototype.encodeInto = () => ({ written: 5 });
    TextEncoder.prototype.encode = () => new Uint8Array(5);
    globalThis.TextDecoder = globalThis.TextEncoder = class {};
    return [];
  }
  return { title: t.id };
}
