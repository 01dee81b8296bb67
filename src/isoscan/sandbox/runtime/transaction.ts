/**
 * The transaction as a plugin sees it: plain fields, and bodies copied out of
 * the frame only when asked for.
 *
 * A plugin can import this file, so it exports nothing that holds a capability.
 */

import {
  createObject,
  decodeUtf8,
  decodeWith,
  defineProperty,
  execRegExp,
  forEachParam,
  hasOwn,
  NativeError,
  NativeTextDecoder,
  NativeUint8Array,
  NativeURLSearchParams,
  parse,
  setBytes,
  toLowerCase,
} from "./captured.ts";

/** `[name, value]` pairs in order. */
type Pairs = [string, string][];

/** One transaction's row in the head, written by the owner's codec: see `frames.py`. */
export type Row = [
  id: string,
  method: string,
  url: string,
  contentType: string | null,
  isHttps: boolean,
  timestamp: string,
  wasEdited: boolean,
  detailsLength: number,
  bodyLength: number,
  // Only when there is a response:
  requestId: string,
  status: number,
  contentType: string | null,
  timestamp: string,
  detailsLength: number,
  bodyLength: number,
];
const REQUEST_FIELDS = 9;

/** How many bytes behind the head belong to the row. */
export function bytesOf(row: Row): number {
  return row[7] + row[8] + (row.length > REQUEST_FIELDS ? row[13] + row[14] : 0);
}

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
 * What few plugins look at, of a request or a response: it lies undecoded in the frame's memory until
 * it is asked for. No plugin ever holds one: it lies behind a private field, and its memory, the whole
 * frame, is readable until `release`.
 */
class Content {
  #frame: ArrayBuffer | null;
  #offset: number;
  #detailsLength: number;
  #bodyLength: number;
  #contentType: string | null;
  #details: unknown;
  #bytes: Uint8Array | undefined;
  #text: string | undefined;

  constructor(
    frame: ArrayBuffer | null,
    offset: number,
    detailsLength: number,
    bodyLength: number,
    contentType: string | null,
  ) {
    this.#frame = frame;
    this.#offset = offset;
    this.#detailsLength = detailsLength;
    this.#bodyLength = bodyLength;
    this.#contentType = contentType;
  }

  details(): unknown {
    return this.#details ??= parse(decodeUtf8(this.#view(0, this.#detailsLength)));
  }

  bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      const bytes = new NativeUint8Array(this.#bodyLength);
      if (this.#bodyLength > 0) setBytes(bytes, this.#body());
      this.#bytes = bytes;
    }
    return this.#bytes;
  }

  text(): string {
    return this.#text ??= decodeWith(decoderFor(this.#contentType), this.#bytes ?? this.#body());
  }

  release(): void {
    this.#frame = null;
  }

  #body(): Uint8Array {
    return this.#view(this.#detailsLength, this.#bodyLength);
  }

  #view(offset: number, length: number): Uint8Array {
    if (this.#frame === null) {
      throw new NativeError("headers and bodies can only be read first while their transaction is scanned");
    }
    return new NativeUint8Array(this.#frame, this.#offset + offset, length);
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
  #row: Row;
  #frame: ArrayBuffer | null;
  #offset: number;
  #content: Content | null = null;
  #headers: Record<string, string> | undefined;
  #query: Record<string, string> | undefined;

  constructor(row: Row, frame: ArrayBuffer, offset: number) {
    this.id = row[0];
    this.method = row[1];
    this.url = row[2];
    this.content_type = row[3];
    this.is_https = row[4];
    this.timestamp = row[5];
    this.was_edited = row[6];
    this.bodyLength = row[8];
    this.#row = row;
    this.#frame = frame;
    this.#offset = offset;
  }

  #open(): Content {
    const row = this.#row; // the public fields can be written to
    return this.#content ??= new Content(this.#frame, this.#offset, row[7], row[8], row[3]);
  }

  #details(): [Pairs, Record<string, string> | null] {
    return this.#open().details() as [Pairs, Record<string, string> | null];
  }

  get headers(): Record<string, string> {
    return this.#headers ??= headerObject(this.#details()[0]);
  }

  get rawHeaders(): Pairs {
    return this.#details()[0];
  }

  get body(): Uint8Array {
    return this.#open().bytes();
  }

  get query_params(): Record<string, string> {
    return this.#query ??= this.#details()[1] ?? queryOf(this.url);
  }

  /** The historic `scan_request(ctx)` is also written as `ctx.request.url`. */
  get request(): Request {
    return this;
  }

  text(): string {
    return this.#open().text();
  }

  toJSON(): object {
    return { ...this, headers: this.headers, body: this.text() };
  }

  static release(request: Request): void {
    request.#frame = null;
    if (request.#content !== null) request.#content.release();
  }
}

class Response {
  readonly request_id: string;
  readonly status: number;
  readonly bodyLength: number;
  readonly content_type: string | null;
  readonly timestamp: string;
  #row: Row;
  #frame: ArrayBuffer | null;
  #offset: number;
  #content: Content | null = null;
  #headers: Record<string, string> | undefined;

  constructor(row: Row, frame: ArrayBuffer, offset: number) {
    this.request_id = row[9];
    this.status = row[10];
    this.content_type = row[11];
    this.timestamp = row[12];
    this.bodyLength = row[14];
    this.#row = row;
    this.#frame = frame;
    this.#offset = offset;
  }

  #open(): Content {
    const row = this.#row;
    return this.#content ??= new Content(this.#frame, this.#offset, row[13], row[14], row[11]);
  }

  get headers(): Record<string, string> {
    return this.#headers ??= headerObject(this.rawHeaders);
  }

  get rawHeaders(): Pairs {
    return this.#open().details() as Pairs;
  }

  get body(): Uint8Array {
    return this.#open().bytes();
  }

  text(): string {
    return this.#open().text();
  }

  toJSON(): object {
    return { ...this, headers: this.headers, body: this.text() };
  }

  static release(response: Response): void {
    response.#frame = null;
    if (response.#content !== null) response.#content.release();
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

  constructor(row: Row, frame: ArrayBuffer, offset: number) {
    this.id = row[0];
    this.request = new Request(row, frame, offset);
    this.response = row.length > REQUEST_FIELDS ? new Response(row, frame, offset + row[7] + row[8]) : null;
  }
}

/** Cuts a transaction off from the frame's memory, which the next frame reuses. */
export function release(request: object, response: object | null): void {
  releaseRequest(request as Request);
  if (response !== null) releaseResponse(response as Response);
}
