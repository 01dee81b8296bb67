/**
 * Stands in for the host's `channel.ts`: orders come from memory, replies are encoded and dropped.
 * With it `host.ts` is the pure in-isolate loop: it decodes, scans and encodes, and no byte travels.
 *
 * Argument: a file of orders as the owner writes them, the load order first. On standard input, one
 * command a line: `run SECONDS` answers `[scans, seconds]`, `results` answers every reply's JSON.
 */

export * from "../../src/isoscan/sandbox/runtime/channel.ts?original";
import {
  type Channel,
  type Frame,
  Kind,
  NONCE_BYTES,
  Order,
  ORDER_HEAD_BYTES,
} from "../../src/isoscan/sandbox/runtime/channel.ts?original";

const REPLY_HEAD_BYTES = 4 + NONCE_BYTES + 5;

export function openChannel(): Channel {
  const read = Deno.stdin.readSync.bind(Deno.stdin);
  const write = Deno.stdout.writeSync.bind(Deno.stdout);
  const exit = Deno.exit;
  const now = performance.now.bind(performance);
  const { parse, stringify } = JSON;
  const { decode } = TextDecoder.prototype;
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const { encodeInto } = TextEncoder.prototype;
  const apply = Reflect.apply;
  const [load, ...frames] = framesOf(Deno.readFileSync(Deno.args[0]));
  const scansOf = frames.map((frame) => {
    const numbers = new DataView(frame.memory);
    const plugins = numbers.getUint32(frame.payload, true);
    const lengths = frame.payload + 4 + 4 * plugins;
    const head = new Uint8Array(frame.memory, lengths + 8, numbers.getUint32(lengths, true));
    return plugins * parse(decoder.decode(head)).length;
  });
  let output = new Uint8Array(1 << 20);
  let isLoaded = false;
  let next = 0;
  let scans = 0;
  let beganAt = 0;
  let untilAt = 0;
  let replies: string[] | null = null;

  function say(value: unknown): void {
    const bytes = encoder.encode(stringify(value) + "\n");
    let sent = 0;
    while (sent < bytes.length) sent += write(bytes.subarray(sent));
  }

  function command(): string {
    const bytes = new Uint8Array(256);
    let end = 0;
    while (end === 0 || bytes[end - 1] !== 10) {
      const got = read(bytes.subarray(end));
      if (got === null) return exit(0);
      end += got;
    }
    return apply(decode, decoder, [bytes.subarray(0, end - 1)]);
  }

  function await_(): void {
    const line = command();
    next = scans = 0;
    if (line === "results") {
      replies = [];
      untilAt = Infinity;
    } else {
      beganAt = now();
      untilAt = beganAt + Number(line.slice(4)) * 1000;
    }
  }

  return {
    readFrame(): Frame {
      if (!isLoaded) {
        isLoaded = true;
        return load;
      }
      if (replies !== null && next === frames.length) {
        say(replies);
        replies = null;
        untilAt = 0;
      } else if (replies === null && untilAt > 0) {
        const moment = now();
        if (moment >= untilAt) {
          say([scans, (moment - beganAt) / 1000]);
          untilAt = 0;
        }
      }
      if (untilAt === 0) await_();
      if (replies === null && next === frames.length) next = 0;
      scans += scansOf[next];
      return frames[next++];
    },
    send(kind: number, json: string): void {
      if (kind === Kind.Ready) say("ready");
      if (kind === Kind.LoadFailed) say(["load failed", json]);
      if (kind !== Kind.Results) return;
      const worst = REPLY_HEAD_BYTES + json.length * 3;
      if (worst > output.length) output = new Uint8Array(worst);
      apply(encodeInto, encoder, [json, output.subarray(REPLY_HEAD_BYTES)]);
      if (replies !== null) replies[replies.length] = json;
    },
    setNonce(): void {},
    exit,
  };
}

/** Cuts a stream of orders; each gets memory of its own, as the channel's frames may lie anywhere. */
function framesOf(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; start < bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + start).getUint32(0, true) + 4;
    const memory = bytes.slice(start, start + length).buffer;
    const head = new DataView(memory);
    frames.push({
      order: head.getUint8(4),
      number: head.getUint32(5, true),
      memory,
      payload: ORDER_HEAD_BYTES,
      end: length,
    });
    start += length;
  }
  if (frames[0].order !== Order.Load) throw new Error("the first order must load the plugin");
  return frames;
}
