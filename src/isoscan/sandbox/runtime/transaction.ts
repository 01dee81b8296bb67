/**
 * The transaction as a plugin sees it: plain fields, and bodies copied out of
 * the frame only when asked for.
 *
 * A plugin can import this file, so it exports nothing that holds a capability.
 */

import {
  createObject,
  decodeWith,
  defineProperty,
  execRegExp,
  forEachParam,
  hasOwn,
  NativeError,
  NativeTextDecoder,
  NativeUint8Array,
  NativeURLSearchParams,
  setBytes,
  toLowerCase,
} from "./captured.ts";

/** `[name, value]` pairs in order. */
type Pairs = [string, string][];

/** The head's arrays, written by the owner's codec: see `frames.py`. */
export type RequestHead = [
  id: string,
  method: string,
  url: string,
  headers: Pairs,
  contentType: string | null,
  isHttps: boolean,
  timestamp: string,
  wasEdited: boolean,
  bodyLength: number,
  queryParams: Record<string, string> | null,
];
export type ResponseHead = [
  requestId: string,
  status: number,
  headers: Pairs,
  contentType: string | null,
  timestamp: string,
  bodyLength: number,
];

const utf8 = new TextDecoder();

/** Adds an own property whatever setters the plugin put on a prototype. */
function put(target: object, key: string, value: string): void {
  const descriptor = createObject(null);
  descriptor.value = value;
  descriptor.writable = descriptor.enumerable = descriptor.configurable = true;
  defineProperty(target, key, descriptor);
}

/** Header object with lower-cased names; repeated ones joined as the fetch standard does. */
function headerObject(pairs: Pairs): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i++) {
    const name = toLowerCase(pairs[i][0]);
    const value = pairs[i][1];
    // A `__proto__` header must become a field, never a prototype.
    const before = ownValue(headers, name);
    put(
      headers,
      name,
      before === undefined ? value : before + (name === "set-cookie" ? "\n" : ", ") + value,
    );
  }
  return headers;
}

function ownValue(
  target: Record<string, string>,
  key: string,
): string | undefined {
  return hasOwn(target, key) ? target[key] : undefined;
}

const CHARSET = /charset\s*=\s*"?([^\s";]+)/i;

function decoderFor(contentType: string | null): TextDecoder {
  if (contentType === null) return utf8;
  CHARSET.lastIndex = 0;
  const match = execRegExp(CHARSET, contentType);
  if (match === null) return utf8;
  try {
    return new NativeTextDecoder(match[1]);
  } catch {
    return utf8; // an unknown label is decoded as UTF-8, like a browser's fallback
  }
}

/**
 * What request and response share. No plugin ever holds one: it lies behind a private field, and
 * its memory, the whole frame, is readable until `release`.
 */
class Content {
  readonly length: number;
  readonly contentType: string | null;
  readonly pairs: Pairs;
  #frame: ArrayBuffer | null;
  #offset: number;
  #headers: Record<string, string> | undefined;
  #bytes: Uint8Array | undefined;
  #text: string | undefined;

  constructor(
    frame: ArrayBuffer,
    offset: number,
    length: number,
    pairs: Pairs,
    contentType: string | null,
  ) {
    this.#frame = frame;
    this.#offset = offset;
    this.length = length;
    this.pairs = pairs;
    this.contentType = contentType;
  }

  headers(): Record<string, string> {
    return this.#headers ??= headerObject(this.pairs);
  }

  bytes(): Uint8Array {
    return this.#bytes ??= this.#copy();
  }

  text(): string {
    return this.#text ??= decodeWith(decoderFor(this.contentType), this.#bytes ?? this.#view());
  }

  release(): void {
    this.#frame = null;
  }

  #view(): Uint8Array {
    if (this.#frame === null) {
      throw new NativeError(
        "the body was not read while its transaction was scanned",
      );
    }
    return new NativeUint8Array(this.#frame, this.#offset, this.length);
  }

  #copy(): Uint8Array {
    const bytes = new NativeUint8Array(this.length);
    if (this.length > 0) setBytes(bytes, this.#view());
    return bytes;
  }
}

// Two classes without a common parent: whoever changed a parent would be handed the frame.

class Request {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly is_https: boolean;
  readonly was_edited: boolean;
  readonly bodyLength: number;
  readonly content_type: string | null;
  readonly timestamp: string;
  #content: Content;
  #query: Record<string, string> | null;

  constructor(head: RequestHead, frame: ArrayBuffer, offset: number) {
    this.id = head[0];
    this.method = head[1];
    this.url = head[2];
    this.is_https = head[5];
    this.was_edited = head[7];
    this.bodyLength = head[8];
    this.content_type = head[4];
    this.timestamp = head[6];
    this.#content = new Content(frame, offset, head[8], head[3], head[4]);
    this.#query = head[9];
  }

  get headers(): Record<string, string> {
    return this.#content.headers();
  }

  get rawHeaders(): Pairs {
    return this.#content.pairs;
  }

  get body(): Uint8Array {
    return this.#content.bytes();
  }

  get query_params(): Record<string, string> {
    return this.#query ??= queryOf(this.url);
  }

  /** The historic `scan_request(ctx)` is also written as `ctx.request.url`. */
  get request(): Request {
    return this;
  }

  text(): string {
    return this.#content.text();
  }

  toJSON(): object {
    return { ...this, headers: this.headers, body: this.text() };
  }

  static release(request: Request): void {
    request.#content.release();
  }
}

class Response {
  readonly request_id: string;
  readonly status: number;
  readonly bodyLength: number;
  readonly content_type: string | null;
  readonly timestamp: string;
  #content: Content;

  constructor(head: ResponseHead, frame: ArrayBuffer, offset: number) {
    this.request_id = head[0];
    this.status = head[1];
    this.bodyLength = head[5];
    this.content_type = head[3];
    this.timestamp = head[4];
    this.#content = new Content(frame, offset, head[5], head[2], head[3]);
  }

  get headers(): Record<string, string> {
    return this.#content.headers();
  }

  get rawHeaders(): Pairs {
    return this.#content.pairs;
  }

  get body(): Uint8Array {
    return this.#content.bytes();
  }

  text(): string {
    return this.#content.text();
  }

  toJSON(): object {
    return { ...this, headers: this.headers, body: this.text() };
  }

  static release(response: Response): void {
    response.#content.release();
  }
}

const releaseRequest = Request.release;
const releaseResponse = Response.release;

function queryOf(url: string): Record<string, string> {
  const query: Record<string, string> = {};
  const search = execRegExp(/\?([^#]*)/, url);
  if (search !== null) {
    forEachParam(
      new NativeURLSearchParams(search[1]),
      (value: string, name: string) => put(query, name, value),
    );
  }
  return query;
}

/** One request and, mostly, its response. */
export class Transaction {
  readonly id: string;
  readonly request: Request;
  readonly response: Response | null;

  constructor(
    request: RequestHead,
    response: ResponseHead | null,
    frame: ArrayBuffer,
    offset: number,
  ) {
    this.id = request[0];
    this.request = new Request(request, frame, offset);
    this.response = response === null ? null : new Response(response, frame, offset + request[8]);
  }
}

/** Cuts a transaction off from the frame's memory, which the next frame reuses. */
export function release(request: object, response: object | null): void {
  releaseRequest(request as Request);
  if (response !== null) releaseResponse(response as Response);
}
