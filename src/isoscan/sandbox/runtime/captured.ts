/**
 * Built-ins captured before any plugin code runs.
 *
 * A plugin may replace every built-in it can reach. The host therefore calls no
 * method it finds on a prototype and iterates nothing afterwards; it uses these.
 *
 * A plugin can import this file, as it can any module of the loaded graph: a
 * module here exports pure functions and classes, or factories that work once
 * and are used up before the plugin is loaded. Never a capability.
 */

/** `uncurry(f)(self, …args)` is `f.call(self, …args)`, whatever becomes of `Function.prototype`. */
export const uncurry = Function.prototype.bind.bind(Function.prototype.call as never) as unknown as (
  method: unknown,
  // deno-lint-ignore no-explicit-any -- the callers give each captured method its own signature
) => any;

export type Callable = (...args: unknown[]) => unknown;

/** What isoscan uses of Deno's own internals; the supported versions are pinned for it. */
interface Internals {
  core: {
    decode(bytes: Uint8Array): string;
    getAsyncContext(): unknown;
    setAsyncContext(context: unknown): void;
    memoryUsage(): { heapUsed: number; external: number };
    queueNextTick(tick: { callback: () => void; snapshot: unknown; args: undefined }): void;
    runNextTicks(): void;
    createTimer(
      callback: () => void,
      delayMs: number,
      args: undefined,
      repeats: boolean,
      keepsAlive: boolean,
    ): unknown;
    cancelTimer(timer: unknown): void;
  };
  inspectArgs(args: unknown[], options: object): string;
}
const deno = Deno as unknown as { internal: symbol } & Record<symbol, Internals>;
const { core, inspectArgs: inspectInternal } = deno[deno.internal];

export const decodeUtf8 = core.decode;
export const { getAsyncContext, setAsyncContext, memoryUsage } = core;
/** Deno's own timers: `setTimeout` would load 10 ms of Node's compatibility layer at every start. */
export const { createTimer, cancelTimer } = core;
/** Runs every microtask that is due and reports unhandled rejections, now. */
export const drainMicrotasks = core.runNextTicks;
const { queueNextTick } = core;
/** Calls back when the microtasks that run now are done, outside of any of them. */
export function afterMicrotasks(callback: () => void): void {
  queueNextTick({ callback, snapshot: undefined, args: undefined });
}
export const { parse, stringify } = JSON;
export const { isArray } = Array;
export const { apply, construct, defineProperty } = Reflect;
export const { create: createObject, hasOwn } = Object;
export const NativeAbortController = AbortController;
export const NativeDOMException = DOMException;
export const abort = uncurry(AbortController.prototype.abort) as (
  self: AbortController,
  why: unknown,
) => void;
export const signalOf = uncurry(
  Object.getOwnPropertyDescriptor(AbortController.prototype, "signal")!.get,
) as (self: AbortController) => AbortSignal;
export const NativeUint8Array = Uint8Array;
export const NativeUint32Array = Uint32Array;
export const NativeArrayBuffer = ArrayBuffer;
export const NativeError = Error;
export const NativeMap = Map;
export const NativeTextDecoder = TextDecoder;
export const NativeURLSearchParams = URLSearchParams;

/** Taken before `fixByteArrays`, which leaves it as it is. */
export const byteLength = uncurry(
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length")!.get,
) as (bytes: Uint8Array) => number;
export const fillBytes = uncurry(Uint8Array.prototype.fill) as (
  self: Uint8Array,
  value: number,
  from: number,
  to: number,
) => void;
export const moveBytes = uncurry(Uint8Array.prototype.copyWithin) as (
  self: Uint8Array,
  to: number,
  from: number,
  end: number,
) => void;
export const indexOfByte = uncurry(Uint8Array.prototype.indexOf) as (
  self: Uint8Array,
  byte: number,
  from: number,
) => number;
export const setBytes = uncurry(Uint8Array.prototype.set) as (self: Uint8Array, from: Uint8Array) => void;
export const encodeInto = uncurry(TextEncoder.prototype.encodeInto) as (
  self: TextEncoder,
  text: string,
  into: Uint8Array,
) => { written: number };
export const decodeWith = uncurry(TextDecoder.prototype.decode) as (
  self: TextDecoder,
  bytes: Uint8Array,
) => string;
export const sliceString = uncurry(String.prototype.slice) as (
  self: string,
  from: number,
  to: number,
) => string;
export const toLowerCase = uncurry(String.prototype.toLowerCase) as (self: string) => string;
export const execRegExp = uncurry(RegExp.prototype.exec) as (
  self: RegExp,
  text: string,
) => RegExpExecArray | null;
export const forEachParam = uncurry(URLSearchParams.prototype.forEach) as (
  self: URLSearchParams,
  visit: (value: string, name: string) => void,
) => void;
export const mapGet = uncurry(Map.prototype.get);
export const mapSet = uncurry(Map.prototype.set);
export const mapDelete = uncurry(Map.prototype.delete);
export const mapClear = uncurry(Map.prototype.clear);
export const mapForEach = uncurry(Map.prototype.forEach);
export const preventDefault = uncurry(Event.prototype.preventDefault) as (self: Event) => void;
export const rejectionReason = uncurry(
  Object.getOwnPropertyDescriptor(PromiseRejectionEvent.prototype, "reason")!.get,
) as (self: Event) => unknown;
export const errorOfEvent = uncurry(Object.getOwnPropertyDescriptor(ErrorEvent.prototype, "error")!.get) as (
  self: Event,
) => unknown;
/** A full garbage collection; the flag that provides it is on the command line. */
export const collectGarbage = (globalThis as unknown as { gc(): void }).gc;
export const now = performance.now.bind(performance);

const MESSAGE_CHARS = 4096;
const STACK_CHARS = 16384;
const INSPECT_OPTIONS = Object.freeze({ depth: 4, iterableLimit: 100, strAbbreviateSize: 10_000 });

/** Console arguments as one text; the plugin's own getters may run, and throw. */
export function inspectAll(args: unknown[]): string {
  return inspectInternal(args, INSPECT_OPTIONS);
}

/** `text` as a JSON string of at most `limit` characters; anything but a string is `""`. */
export function quoted(text: unknown, limit: number): string {
  if (typeof text !== "string") return '""';
  return stringify(text.length > limit ? sliceString(text, 0, limit) : text);
}

/** `{"name":…,"message":…,"stack":…}` of anything that was thrown, as JSON. */
export function describeError(thrown: unknown): string {
  let name: unknown = "";
  let message: unknown;
  let stack: unknown;
  try {
    if (typeof thrown === "object" && thrown !== null) {
      const error = thrown as { name: unknown; message: unknown; stack: unknown };
      name = error.name;
      message = error.message;
      stack = error.stack;
      if (typeof message !== "string") message = `an object was thrown: ${inspectAll([thrown])}`;
    } else {
      message = `${inspectAll([thrown])} (a ${thrown === null ? "null" : typeof thrown}) was thrown`;
    }
  } catch {
    message = "the thrown object throws when it is read";
  }
  return `{"name":${quoted(name, 128)},"message":${quoted(message, MESSAGE_CHARS)},"stack":${
    quoted(stack, STACK_CHARS)
  }}`;
}
