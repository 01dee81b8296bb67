/**
 * The transaction as a plugin sees it: plain fields, and headers and bodies copied out of the frame
 * only when asked for.
 *
 * A plugin can import this file, so it exports nothing that holds a capability.
 */

import { execRegExp, forEachParam, NativeURLSearchParams } from "./captured.ts";
import { type Block, Content, type Pairs, put, type RequestDetails } from "./content.ts";

/** One transaction's row in the head, written by the owner's codec: see `frames.py`. */
export type Row = [
  id: string,
  method: string,
  url: string,
  contentType: string | null,
  isHttps: boolean,
  timestamp: string,
  wasEdited: boolean,
  bodyLength: number,
  // Only when there is a response:
  requestId: string,
  status: number,
  contentType: string | null,
  timestamp: string,
  bodyLength: number,
];
const REQUEST_FIELDS = 8;

/** How many bytes of bodies belong to the row. */
export function bodyBytesOf(row: Row): number {
  return row[7] + (row.length > REQUEST_FIELDS ? row[12] : 0);
}

/** How many lines of the details belong to the row. */
export function linesOf(row: Row): number {
  return row.length > REQUEST_FIELDS ? 2 : 1;
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
  #block: Block | null;
  #line: number;
  #offset: number;
  #content: Content | null = null;
  #headers: Record<string, string> | undefined;
  #query: Record<string, string> | undefined;

  constructor(row: Row, block: Block, line: number, offset: number) {
    this.id = row[0];
    this.method = row[1];
    this.url = row[2];
    this.content_type = row[3];
    this.is_https = row[4];
    this.timestamp = row[5];
    this.was_edited = row[6];
    this.bodyLength = row[7];
    this.#row = row;
    this.#block = block;
    this.#line = line;
    this.#offset = offset;
  }

  #open(): Content {
    const row = this.#row; // the public fields can be written to
    return this.#content ??= new Content(this.#block, this.#line, this.#offset, row[7], row[3]);
  }

  #details(): RequestDetails {
    return this.#open().details() as RequestDetails;
  }

  get headers(): Record<string, string> {
    return this.#headers ??= this.#open().headers(true);
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
    request.#block = null;
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
  #block: Block | null;
  #line: number;
  #offset: number;
  #content: Content | null = null;
  #headers: Record<string, string> | undefined;

  constructor(row: Row, block: Block, line: number, offset: number) {
    this.request_id = row[8];
    this.status = row[9];
    this.content_type = row[10];
    this.timestamp = row[11];
    this.bodyLength = row[12];
    this.#row = row;
    this.#block = block;
    this.#line = line;
    this.#offset = offset;
  }

  #open(): Content {
    const row = this.#row;
    return this.#content ??= new Content(this.#block, this.#line, this.#offset, row[12], row[10]);
  }

  get headers(): Record<string, string> {
    return this.#headers ??= this.#open().headers(false);
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
    response.#block = null;
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

  constructor(row: Row, block: Block, line: number, offset: number) {
    this.id = row[0];
    this.request = new Request(row, block, line, offset);
    this.response = row.length > REQUEST_FIELDS ? new Response(row, block, line + 1, offset + row[7]) : null;
  }
}

/** Cuts a transaction off from the frame's memory, which the next frame reuses. */
export function release(request: object, response: object | null): void {
  releaseRequest(request as Request);
  if (response !== null) releaseResponse(response as Response);
}
