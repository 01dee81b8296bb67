// expect: clean
// Catches the bytes on their way into the decoder and looks at the memory around them.

let seen = null;
const decode = TextDecoder.prototype.decode;
TextDecoder.prototype.decode = function (bytes, options) {
  seen = bytes;
  return decode.call(this, bytes, options);
};

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    t.response.text();
    t.request.text();
    if (seen !== null) return { title: "reached: " + seen.buffer.byteLength };
    return [];
  }
  return { title: t.id };
}
