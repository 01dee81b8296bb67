/**
 * A generation that does nothing: it counts a frame's transactions and calls each of them clean.
 * The owner with this child is the Python side alone. It is put in place of the host's own main
 * module, behind the modules that the built `host.js` begins with: `openChannel` and its constants
 * are theirs.
 */

const channel = openChannel();
const decoder = new TextDecoder();

channel.send(Kind.Hello, "{}");
let frame = channel.readFrame();
const settings = JSON.parse(
  decoder.decode(new Uint8Array(frame.memory, frame.payload, frame.end - frame.payload)),
);
channel.setNonce(settings.nonce);
channel.send(
  Kind.Ready,
  '{"plugins":[{"metadata":"null","console":[]}],"urls":[],"heap":[1,1]}',
);
for (;;) {
  frame = channel.readFrame();
  if (frame.order === Order.Measure) {
    channel.send(Kind.Memory, "[1,1,1]");
    continue;
  }
  const numbers = new DataView(frame.memory);
  const plugins = numbers.getUint32(frame.payload, true);
  const lengths = frame.payload + 4 + 4 * plugins;
  const head = new Uint8Array(frame.memory, lengths + 8, numbers.getUint32(lengths, true));
  const scans = plugins * JSON.parse(decoder.decode(head)).length;
  channel.send(Kind.Results, `[${frame.number},0,[${"1,".repeat(scans).slice(0, -1)}],0]`);
}
