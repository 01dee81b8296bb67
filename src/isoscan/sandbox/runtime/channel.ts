/**
 * The generation's two pipes: orders come in, replies go out.
 *
 * Order: u32 length of what follows, u8 order, u32 frame number, payload.
 * Reply: u32 length of what follows, 16-byte nonce, u32 sequence, u8 kind, JSON.
 * Little-endian. The owner's side of both is `frames.py`.
 */

import {
  encodeInto,
  fillBytes,
  moveBytes,
  NativeArrayBuffer,
  NativeUint8Array,
  setBytes,
} from "./captured.ts";

export const Order = { Load: 1, Scan: 2, Measure: 3 } as const;
export const Kind = { Hello: 0, Ready: 1, LoadFailed: 2, Results: 3, Memory: 4 } as const;

export const NONCE_BYTES = 16;
export const ORDER_HEAD_BYTES = 9;
const REPLY_HEAD_BYTES = 4 + NONCE_BYTES + 5;
const INPUT_BYTES = 1 << 20;
/** A buffer up to this is kept when it had to grow: frames of that size will come again. */
const KEPT_INPUT_BYTES = 8 << 20;

/** The order read last, lying in `memory` until the next one is read. */
export interface Frame {
  order: number;
  number: number;
  memory: ArrayBuffer;
  /** Where the payload begins and the frame ends in `memory`. */
  payload: number;
  end: number;
}

export interface Channel {
  /** Wipes the last frame and blocks for the next; exits when the owner hung up. */
  readFrame(): Frame;
  send(kind: number, json: string): void;
  /** The secret that every later reply carries. */
  setNonce(hex: string): void;
  exit(code: number): never;
}

/** Where Deno keeps its own operations; the supported versions are pinned for it. */
type Internals = { internal: symbol } & Record<symbol, { core: Operations }>;

interface Operations {
  /** How many bytes were read from a resource; 0 at its end. */
  readSync(resource: number, into: Uint8Array): number;
  writeSync(resource: number, from: Uint8Array): number;
}

const STDIN = 0;
const STDOUT = 1;

let isTaken = false;

/** Opens the channel. Works once, so it is used up before a plugin can call it. */
export function openChannel(): Channel {
  if (isTaken) throw new TypeError("the channel is taken");
  isTaken = true;
  // The operations themselves: `Deno.stdin` would ask the buffer for its length, which a plugin can
  // answer in its place, with the buffer in hand.
  const deno = Deno as unknown as Internals;
  const { readSync, writeSync } = deno[deno.internal].core;
  const exit = Deno.exit;
  const encoder = new TextEncoder();
  const nonce = new NativeUint8Array(NONCE_BYTES);
  let sequence = 0;

  let inputMemory = new NativeArrayBuffer(INPUT_BYTES);
  let input = new NativeUint8Array(inputMemory);
  let inputCapacity = INPUT_BYTES;
  let start = 0;
  let end = 0;
  let frameEnd = 0;

  let outputCapacity = 1 << 16;
  let outputMemory = new NativeArrayBuffer(outputCapacity);
  let output = new NativeUint8Array(outputMemory);

  /** Moves what was read to the front of a buffer that holds `count` bytes. */
  function makeRoom(count: number): void {
    // Anew every few thousand transactions it would be zeroed, paged in, and V8 collect its heap for it.
    if (count <= inputCapacity && inputCapacity <= KEPT_INPUT_BYTES) {
      moveBytes(input, 0, start, end);
      fillBytes(input, 0, end - start, end);
      end -= start;
      start = 0;
      return;
    }
    // Twice as much holds what is read ahead as well.
    const capacity = count * 2 <= INPUT_BYTES
      ? INPUT_BYTES
      : count * 2 <= KEPT_INPUT_BYTES
      ? count * 2
      : count;
    const memory = new NativeArrayBuffer(capacity);
    const bytes = new NativeUint8Array(memory);
    setBytes(bytes, new NativeUint8Array(inputMemory, start, end - start));
    fillBytes(input, 0, start, end);
    end -= start;
    start = 0;
    inputMemory = memory;
    input = bytes;
    inputCapacity = capacity;
  }

  function need(count: number): void {
    if (start + count > inputCapacity) makeRoom(count);
    while (end - start < count) {
      const got = readSync(STDIN, new NativeUint8Array(inputMemory, end, inputCapacity - end));
      if (got === 0) return exit(0);
      end += got;
    }
  }

  function u32(offset: number): number {
    return (input[offset] | input[offset + 1] << 8 | input[offset + 2] << 16 | input[offset + 3] << 24) >>> 0;
  }

  function putU32(offset: number, value: number): void {
    output[offset] = value;
    output[offset + 1] = value >>> 8;
    output[offset + 2] = value >>> 16;
    output[offset + 3] = value >>> 24;
  }

  return {
    readFrame(): Frame {
      fillBytes(input, 0, start, frameEnd);
      start = frameEnd;
      if (start === end) start = end = 0;
      need(ORDER_HEAD_BYTES);
      const length = u32(start) + 4;
      need(length);
      frameEnd = start + length;
      return {
        order: input[start + 4],
        number: u32(start + 5),
        memory: inputMemory,
        payload: start + ORDER_HEAD_BYTES,
        end: frameEnd,
      };
    },
    send(kind: number, json: string): void {
      const worst = REPLY_HEAD_BYTES + json.length * 3;
      if (worst > outputCapacity) {
        outputCapacity = worst;
        outputMemory = new NativeArrayBuffer(worst);
        output = new NativeUint8Array(outputMemory);
      }
      const body = new NativeUint8Array(outputMemory, REPLY_HEAD_BYTES);
      const length = REPLY_HEAD_BYTES + encodeInto(encoder, json, body).written;
      putU32(0, length - 4);
      for (let i = 0; i < NONCE_BYTES; i++) output[4 + i] = nonce[i];
      putU32(4 + NONCE_BYTES, sequence++);
      output[REPLY_HEAD_BYTES - 1] = kind;
      let sent = 0;
      while (sent < length) {
        sent += writeSync(STDOUT, new NativeUint8Array(outputMemory, sent, length - sent));
      }
    },
    setNonce(hex: string): void {
      for (let i = 0; i < NONCE_BYTES; i++) nonce[i] = parseInt(hex.slice(i * 2, i * 2 + 2), 16);
    },
    exit,
  };
}
