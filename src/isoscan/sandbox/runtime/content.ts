/**
 * What the transactions of a frame consist of: headers and bodies, decoded when a plugin asks, and
 * kept for the other plugins that scan the same frame.
 *
 * A plugin can import this file, so it exports nothing that holds a capability.
 */

import {
  createObject,
  decodeUtf8,
  decodeWith,
  defineProperty,
  execRegExp,
  hasOwn,
  indexOfByte,
  mapGet,
  mapSet,
  NativeError,
  NativeMap,
  NativeTextDecoder,
  NativeUint32Array,
  NativeUint8Array,
  parse,
  setBytes,
  toLowerCase,
} from "./captured.ts";

/** `[name, value]` pairs in order. */
export type Pairs = [string, string][];
/** What a request's line of the details says: headers, and the query when the owner knows it. */
export type RequestDetails = [Pairs, Record<string, string> | null];

const LINE_END = 10;

/**
 * The memory that the transactions of one frame share. It has no methods: whoever changed one would
 * be handed the frame.
 */
export class Block {
  #memory: ArrayBuffer;
  #details: number;
  #end: number;
  #lines: number;
  /** Where lines begin in the details, and of how many that is known; most plugins never ask. */
  #starts: Uint32Array | null = null;
  #known = 1;
  /** What one plugin had decoded and the others that scan the same frame need not: by line. */
  #texts: Map<number, string> | null = null;
  #headers: Map<number, Record<string, string>> | null = null;

  constructor(memory: ArrayBuffer, details: number, end: number, lines: number, isShared: boolean) {
    this.#memory = memory;
    this.#details = details;
    this.#end = end;
    this.#lines = lines;
    if (isShared) {
      this.#texts = new NativeMap();
      this.#headers = new NativeMap();
    }
  }

  /** What a line says, anew: a plugin may change it. */
  static details(block: Block, index: number): unknown {
    const details = new NativeUint8Array(block.#memory, block.#details, block.#end - block.#details);
    const starts = block.#starts ??= new NativeUint32Array(block.#lines + 1);
    while (block.#known <= index + 1) {
      starts[block.#known] = indexOfByte(details, LINE_END, starts[block.#known - 1]) + 1;
      block.#known++;
    }
    const line = new NativeUint8Array(
      block.#memory,
      block.#details + starts[index],
      starts[index + 1] - starts[index] - 1,
    );
    return parse(decodeUtf8(line));
  }

  static bytes(block: Block, offset: number, length: number): Uint8Array {
    return new NativeUint8Array(block.#memory, offset, length);
  }

  /** A body as text; `line` tells it from others. */
  static text(block: Block, line: number, offset: number, length: number, type: string | null): string {
    let text = block.#texts === null ? undefined : mapGet(block.#texts, line);
    if (text === undefined) {
      const decoder = decoderFor(type);
      text = decodeWith(decoder ?? utf8, new NativeUint8Array(block.#memory, offset, length));
      if (block.#texts !== null && decoder !== null) mapSet(block.#texts, line, text);
    }
    return text;
  }

  /** A header object of a plugin's own; null when the frame is not shared. */
  static sharedHeaders(block: Block, line: number, isRequest: boolean): Record<string, string> | null {
    if (block.#headers === null) return null;
    let headers = mapGet(block.#headers, line);
    if (headers === undefined) {
      const details = detailsOf(block, line);
      headers = headerObject(isRequest ? (details as RequestDetails)[0] : details as Pairs);
      mapSet(block.#headers, line, headers);
    }
    return { ...headers };
  }
}

const detailsOf = Block.details;
const bytesOf = Block.bytes;
const textOf = Block.text;
const sharedHeadersOf = Block.sharedHeaders;

const utf8 = new TextDecoder();

/** Adds an own property whatever setters the plugin put on a prototype. */
export function put(target: object, key: string, value: string): void {
  const descriptor = createObject(null);
  descriptor.value = value;
  descriptor.writable = descriptor.enumerable = descriptor.configurable = true;
  defineProperty(target, key, descriptor);
}

/** Names that came before, as they came, in lower case: traffic repeats a few of them over and over. */
const lowerCaseNames = new NativeMap<string, string>();
const MAX_KNOWN_NAMES = 1024;
const MAX_NAME_CHARS = 64;
let knownNames = 0;

function lowerCase(name: string): string {
  let lower = mapGet(lowerCaseNames, name);
  if (lower === undefined) {
    lower = toLowerCase(name);
    if (knownNames < MAX_KNOWN_NAMES && typeof name === "string" && name.length <= MAX_NAME_CHARS) {
      mapSet(lowerCaseNames, name, lower);
      knownNames++;
    }
  }
  return lower;
}

/** Header object with lower-cased names; repeated ones joined as the fetch standard does. */
function headerObject(pairs: Pairs): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i++) {
    const name = lowerCase(pairs[i][0]);
    const value = pairs[i][1];
    if (!(name in headers)) {
      headers[name] = value; // nothing on the way up has this name, so no setter can be asked
    } else if (!hasOwn(headers, name)) {
      put(headers, name, value); // a `__proto__` header must become a field, never a prototype
    } else {
      put(headers, name, headers[name] + (name === "set-cookie" ? "\n" : ", ") + value);
    }
  }
  return headers;
}

const CHARSET = /charset\s*=\s*"?([^\s";]+)/i;
/** Decoders by content type: traffic has few of them. */
const decoders = new NativeMap<string, TextDecoder>();
const MAX_KNOWN_TYPES = 256;
let knownTypes = 0;

/** Null when none can be made: then UTF-8 stands in, and as a full stack is a reason too, nobody keeps that. */
function decoderFor(contentType: string | null): TextDecoder | null {
  if (contentType === null) return utf8;
  let decoder: TextDecoder | null | undefined = mapGet(decoders, contentType);
  if (decoder === undefined) {
    decoder = newDecoder(contentType);
    if (decoder === null) return null;
    if (knownTypes < MAX_KNOWN_TYPES && contentType.length <= MAX_NAME_CHARS) {
      mapSet(decoders, contentType, decoder);
      knownTypes++;
    }
  }
  return decoder;
}

function newDecoder(contentType: string): TextDecoder | null {
  CHARSET.lastIndex = 0;
  const match = execRegExp(CHARSET, contentType);
  if (match === null) return utf8;
  try {
    return new NativeTextDecoder(match[1]);
  } catch {
    return null; // an unknown label is decoded as UTF-8, like a browser's fallback
  }
}

/**
 * What few plugins look at, of a request or a response: it lies undecoded in the frame's memory until
 * it is asked for. No plugin ever holds one: it lies behind a private field, and its memory, the whole
 * frame, is readable until `release`.
 */
export class Content {
  #block: Block | null;
  #line: number;
  #offset: number;
  #bodyLength: number;
  #contentType: string | null;
  #details: unknown;
  #bytes: Uint8Array | undefined;
  #text: string | undefined;

  constructor(
    block: Block | null,
    line: number,
    offset: number,
    bodyLength: number,
    contentType: string | null,
  ) {
    this.#block = block;
    this.#line = line;
    this.#offset = offset;
    this.#bodyLength = bodyLength;
    this.#contentType = contentType;
  }

  details(): unknown {
    return this.#details ??= detailsOf(this.#open(), this.#line);
  }

  headers(isRequest: boolean): Record<string, string> {
    if (this.#details === undefined) {
      const shared = sharedHeadersOf(this.#open(), this.#line, isRequest);
      if (shared !== null) return shared;
    }
    const details = this.details();
    return headerObject(isRequest ? (details as RequestDetails)[0] : details as Pairs);
  }

  bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      const bytes = new NativeUint8Array(this.#bodyLength);
      if (this.#bodyLength > 0) setBytes(bytes, bytesOf(this.#open(), this.#offset, this.#bodyLength));
      this.#bytes = bytes;
    }
    return this.#bytes;
  }

  text(): string {
    const type = this.#contentType;
    return this.#text ??= this.#bytes === undefined
      ? textOf(this.#open(), this.#line, this.#offset, this.#bodyLength, type)
      : decodeWith(decoderFor(type) ?? utf8, this.#bytes);
  }

  release(): void {
    this.#block = null;
  }

  #open(): Block {
    if (this.#block === null) {
      throw new NativeError("headers and bodies can only be read first while their transaction is scanned");
    }
    return this.#block;
  }
}
