// The in-isolate loop with nothing that guards it: JSON in, plain objects, JSON out. Everything
// isoscan's host does beyond that is the price of its guards.
//
// The adapter and the plugin stand in front of this text. Commands as in `loop_channel.ts`. Argument: a
// file of batches, each u32 length of the rows, u32 length of the bodies, rows as JSON, bodies.
{
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const output = new Uint8Array(1 << 24);
  const bytes = Deno.readFileSync(Deno.args[0]);
  const frames = [];
  for (let start = 0; start < bytes.length;) {
    const view = new DataView(bytes.buffer, start);
    const middle = start + 8 + view.getUint32(0, true);
    const end = middle + view.getUint32(4, true);
    frames.push({ head: bytes.slice(start + 8, middle), bodies: bytes.slice(middle, end) });
    start = end;
  }
  for (const frame of frames) {
    const rows = JSON.parse(decoder.decode(frame.head));
    frame.scans = rows.length;
    frame.lengths = rows.flatMap(([request, response]) => [request[8], response?.[5] ?? 0]).filter(Boolean);
  }
  const say = (value) => {
    const line = encoder.encode(JSON.stringify(value) + "\n");
    for (let sent = 0; sent < line.length;) sent += Deno.stdout.writeSync(line.subarray(sent));
  };
  const scan = ({ head, bodies, lengths }) => {
    let at = 0;
    const parts = lengths.map((length) => bodies.subarray(at, at += length));
    const rows = benchScan(decoder.decode(head), ...parts);
    encoder.encodeInto(rows, output);
    return rows;
  };

  say("ready");
  const command = new Uint8Array(256);
  for (;;) {
    const got = Deno.stdin.readSync(command);
    if (got === null) break;
    const [verb, seconds] = decoder.decode(command.subarray(0, got)).trim().split(" ");
    if (verb === "results") {
      say(frames.map(scan));
      continue;
    }
    let scans = 0;
    const began = performance.now();
    const until = began + Number(seconds) * 1000;
    let now = began;
    for (let next = 0; now < until; next = (next + 1) % frames.length, now = performance.now()) {
      scan(frames[next]);
      scans += frames[next].scans;
    }
    say([scans, (now - began) / 1000]);
  }
}
