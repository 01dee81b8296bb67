/**
 * The program inside a generation: reads frames, runs the plugin, writes results.
 *
 * This module holds the channel and exports nothing, because a plugin can import
 * any module of the loaded graph. After the plugin's code has run it uses only
 * what `captured.ts` holds: no method found on a prototype, no iteration.
 *
 * It reads with blocking calls and returns to the event loop only to let promises
 * settle, so a plugin has no turn of its own between two frames.
 */

import {
  abort,
  afterMicrotasks,
  apply,
  byteLength,
  type Callable,
  cancelTimer,
  collectGarbage,
  createTimer,
  decodeUtf8,
  describeError,
  drainMicrotasks,
  errorOfEvent,
  getAsyncContext,
  mapClear,
  mapDelete,
  mapForEach,
  mapGet,
  mapSet,
  memoryUsage,
  NativeAbortController,
  NativeDOMException,
  NativeError,
  NativeMap,
  NativeUint8Array,
  now,
  parse,
  preventDefault,
  rejectionReason,
  setAsyncContext,
  setBytes,
  signalOf,
  stringify,
} from "./captured.ts";
import { refusal, tellingNamespace, tellOfGlobals, tellOfRefusals } from "./denials.ts";
import { type Frame, Kind, openChannel, Order } from "./channel.ts";
import { type Determinism, freeze } from "./frozen.ts";
import {
  createModules,
  type EntryPoints,
  findEntryPoints,
  importEntry,
  type ModuleSource,
} from "./plugin.ts";
import { allowedGlobals, fixByteArrays, lockDown } from "./realm.ts";
import { Scan, type ScanLimits } from "./scan.ts";
import { Block } from "./content.ts";
import { bodyBytesOf, linesOf, release, type Row, Transaction } from "./transaction.ts";

interface PluginSettings {
  modules: ModuleSource[];
  config: unknown;
  /** Files it may read, as base64 by name. */
  assets: Record<string, string>;
}

interface Settings extends ScanLimits {
  /** Mostly one; several share this isolate, and what one does to it is done to all. */
  plugins: PluginSettings[];
  nonce: string;
  has_network: boolean;
  has_wasm: boolean;
  /** A clock that stands still and a seed; null for the world as it is. */
  determinism: Determinism | null;
}

const channel = openChannel();

/** Finished scans are written after at most this long, so a slow one holds none back. */
const FLUSH_MS = 2;
const FLUSH_CHARS = 1 << 17;
const HEAP_SAMPLE_MS = 5;
const METADATA_CHARS = 65_536;

let settings: Settings;
/** Of each plugin, and of the one that scans or loads now. */
let entries: EntryPoints[];
let entry: EntryPoints;
let urls = "";
let isLoading = true;
/** The places of the plugin that is being loaded, and of the one that scans. */
let loading = 0;
let scanning = 0;

let frame: Frame;
/** Each of the frame's plugins scans all its rows, one plugin after the other. */
let rows: Row[] = [];
let block: Block;
let pluginCount = 0;
let turn = 0;
/** The next transaction for the plugin whose turn it is, and where its details and bodies lie. */
let row = 0;
let line = 0;
let bodyOffset = 0;
let bodiesOffset = 0;
/** Index of the next scan of the frame. */
let next = 0;

/** Scans that have ended since results were last written: the first one's index, what they told. */
let unsent = 0;
let results = "";
let unsentSince = 0;

let scan: Scan;
let serial = 0;
/** When the clock was read last: a scan begins where the one before it ended. */
let clock = 0;
/** Puts chance back to its seed, when there is one. */
let rewind: (() => void) | null = null;
/** The parts of the running transaction; a plugin may put others into the whole. */
let request: object;
let response: object | null;
let isStarted = false;
/** The plugin has answered for `scan`. */
let isAnswered = true;
/** A promise of the plugin is pending, and the event loop runs. */
let isWaiting = false;
/** `resume` is queued, by us. */
let isResumeDue = false;
let lateErrors = 0;
/** Files each plugin was granted, by name, and those of the one that scans or loads now. */
let assetsOf: Map<string, Uint8Array>[];
let assets: Map<string, Uint8Array>;
let heapSampledAt = -HEAP_SAMPLE_MS;

// ---- the loop --------------------------------------------------------------

/** Begins to scan. A plugin that gets hold of this can call it in vain: a second turn would mix up scans. */
function start(): void {
  if (isStarted) return;
  isStarted = true;
  pump();
}

/** Scans on, frame after frame, until a promise of the plugin is pending. */
function pump(): void {
  for (;;) {
    if (row === rows.length) {
      if (++turn < pluginCount) {
        takeTurn();
        continue;
      }
      if (next > unsent) sendResults();
      readScanFrame();
      continue;
    }
    begin();
    if (!isAnswered) {
      isWaiting = true;
      return;
    }
    finish();
  }
}

function begin(): void {
  const parts = rows[row++];
  const own = ++serial;
  if (scan.isClean) scan.renew(own);
  else scan = new Scan(own, settings);
  isAnswered = false;
  if (rewind !== null) rewind();
  const transaction = new Transaction(parts, block, line, bodyOffset);
  line += linesOf(parts);
  bodyOffset += bodyBytesOf(parts);
  request = transaction.request;
  response = transaction.response;
  setAsyncContext(own);
  scan.startedAt = clock;
  try {
    const value = callPlugin(own, transaction);
    if (!answerLater(own, value)) answer(own, value, false);
  } catch (error) {
    answer(own, error, true);
  }
  setAsyncContext(undefined);
  drainMicrotasks();
}

/** Ends the scan: nothing it left behind runs on, or reads its transaction, from here. */
function finish(): void {
  scan.endedAt = clock = now();
  scan.isOpen = false;
  endTimers();
  release(request, response);
  if (next === unsent) unsentSince = scan.startedAt;
  else results += ",";
  results += scan.toEntry();
  next++;
  if (results.length > FLUSH_CHARS || scan.endedAt - unsentSince >= FLUSH_MS) sendResults();
}

/** Has `resume` run when the microtasks that run now are done. */
function resumeSoon(): void {
  isWaiting = false;
  isResumeDue = true;
  afterMicrotasks(resume);
}

/** Goes on after the event loop ran. A plugin that gets hold of this can call it, once and in vain. */
function resume(): void {
  if (!isResumeDue) return;
  isResumeDue = false;
  drainMicrotasks();
  finish();
  pump();
}

/** The plugin's answer for scan `own`; late and repeated answers are ignored. */
function answer(own: number, value: unknown, isError: boolean): void {
  if (own !== scan.serial || isAnswered) return;
  isAnswered = true;
  if (isError) scan.fail(value);
  else scan.addReturned(value);
  if (isWaiting) resumeSoon();
}

/** Hooks onto a promise, or anything with a `then`; says whether it did. */
function answerLater(own: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const then = (value as { then?: unknown }).then;
  if (typeof then !== "function") return false;
  apply(then as Callable, value, [
    (result: unknown) => answer(own, result, false),
    (error: unknown) => answer(own, error, true),
  ]);
  return true;
}

/** Runs the entry function, or the historic pair one after the other. */
function callPlugin(own: number, transaction: Transaction): unknown {
  const { scanTransaction, scanRequest, scanResponse } = entry;
  if (scanTransaction !== null) return scanTransaction(transaction);
  const hasResponse = transaction.response !== null;
  if (scanRequest === null) {
    if (hasResponse) return scanResponse!(transaction);
    scan.isSkipped = true;
    return undefined;
  }
  const found = scanRequest(transaction.request);
  if (scanResponse === null || !hasResponse) return found;
  return thenResponse(own, found, transaction);
}

async function thenResponse(own: number, pending: unknown, whole: Transaction): Promise<unknown> {
  const found = await pending;
  // Settled late: another scan is open by now, perhaps of another plugin.
  if (own !== scan.serial || !scan.isOpen) return undefined;
  scan.addReturned(found);
  return entry.scanResponse!(whole);
}

function sendResults(): void {
  let text = `[${frame.number},${unsent},[${results}],${lateErrors}`;
  const moment = now();
  if (moment - heapSampledAt >= HEAP_SAMPLE_MS) {
    heapSampledAt = moment;
    text += `,${heapJson()}`;
  }
  unsent = next;
  results = "";
  channel.send(Kind.Results, text + "]");
  clock = now();
}

function readScanFrame(): void {
  frame = channel.readFrame();
  while (frame.order === Order.Measure) {
    const began = now();
    collectGarbage();
    const { heapUsed, external } = memoryUsage();
    channel.send(Kind.Memory, `[${heapUsed},${external},${((now() - began) * 1000) | 0}]`);
    frame = channel.readFrame();
  }
  if (frame.order !== Order.Scan) channel.exit(70);
  pluginCount = u32(frame.payload);
  const lengths = frame.payload + 4 + 4 * pluginCount;
  const headLength = u32(lengths);
  const detailsOffset = lengths + 8 + headLength;
  rows = parse(decodeUtf8(new NativeUint8Array(frame.memory, lengths + 8, headLength)));
  bodiesOffset = detailsOffset + u32(lengths + 4);
  block = new Block(frame.memory, detailsOffset, bodiesOffset, 2 * rows.length, pluginCount > 1);
  next = unsent = turn = 0;
  takeTurn();
  clock = now();
}

/** The frame's next plugin begins with its first row. */
function takeTurn(): void {
  scanning = u32(frame.payload + 4 + 4 * turn);
  entry = entries[scanning];
  assets = assetsOf[scanning];
  row = line = 0;
  bodyOffset = bodiesOffset;
}

function u32(offset: number): number {
  const bytes = new NativeUint8Array(frame.memory, offset, 4);
  return (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) >>> 0;
}

function heapJson(): string {
  const { heapUsed, external } = memoryUsage();
  return `[${heapUsed},${external}]`;
}

// ---- what a plugin does outside its call -----------------------------------

/**
 * Whether the code that runs now belongs to the open scan: its async context says. What has none,
 * an event listener or a finalizer, belongs to nobody.
 */
function isOnTime(): boolean {
  if (isLoading || (scan.isOpen && getAsyncContext() === scan.serial)) return true;
  lateErrors++;
  return false;
}

/** The same for an error: Deno tells of those nobody handles outside of any context. */
function isErrorOnTime(): boolean {
  const context = getAsyncContext();
  if (scan.isOpen && (typeof context !== "number" || context === scan.serial)) return true;
  lateErrors++;
  return false;
}

/** An error nobody caught ends the scan it belongs to. */
function onStrayError(error: unknown): void {
  if (isLoading) loadFailed("throw", error);
  if (!isErrorOnTime()) return;
  if (isAnswered) scan.fail(error);
  else answer(scan.serial, error, true);
}

function report(finding: unknown, isHistoric: boolean): void {
  if (isLoading) throw new NativeError("a finding can only be reported during a scan");
  if (isOnTime()) scan.addFinding(finding, isHistoric);
}

function log(level: string, args: unknown[]): void {
  if (isOnTime()) scan.log(level, args);
}

function tell(permission: string, target: string): void {
  if (isOnTime()) scan.deny(permission, target);
}

/**
 * A fresh copy of a granted file, so that nobody changes it for a later scan. What comes late would
 * get the files of whoever scans now.
 */
function readAsset(name: unknown): Uint8Array {
  if (!isOnTime()) throw new NativeError("a file can only be read while its plugin is loaded or scans");
  const bytes = mapGet(assets, name);
  if (bytes === undefined) throw refusal("read", typeof name === "string" ? name : "", tell);
  const copy = new NativeUint8Array(byteLength(bytes));
  setBytes(copy, bytes);
  return copy;
}

addEventListener("unhandledrejection", (event) => {
  preventDefault(event);
  onStrayError(rejectionReason(event));
});

addEventListener("error", (event) => {
  preventDefault(event);
  onStrayError(errorOfEvent(event));
});

addEventListener("beforeunload", (event) => {
  // The event loop ran dry: whatever is awaited now can never settle.
  preventDefault(event);
  if (isLoading) loadFailed("never_settles", new NativeError("loading awaits a promise that never settles"));
  if (isWaiting) {
    answer(scan.serial, new NativeError("the scan awaits a promise that never settles"), true);
  }
});

// ---- timers: a scan's timers end with it -----------------------------------

/** What stands for the serial of a scan while a plugin is loaded. */
function loadingSerial(place: number): number {
  return -1 - place;
}

let timerId = 0;
/** Timers of the current scan by id; those started while loading live on. */
const scanTimers = new NativeMap<number, unknown>();
const loadTimers = new NativeMap<number, unknown>();

/** Whose scan a timer that is started now belongs to; below 0 it is a plugin's loading. */
function ownerOfTimer(): number {
  const context = getAsyncContext();
  return typeof context === "number" ? context : scan.serial;
}

function makeTimer(repeats: boolean) {
  return (callback: unknown, delay?: number, ...args: unknown[]): number => {
    if (typeof callback !== "function") throw new NativeError("a timer needs a function, not code as text");
    const id = ++timerId;
    const own = ownerOfTimer();
    if (own > 0 && own !== scan.serial) {
      lateErrors++; // what an earlier scan left behind runs in this one's time
      return id;
    }
    const timers = own < 0 ? loadTimers : scanTimers;
    const fire = () => {
      if (!repeats) mapDelete(timers, id);
      if (own > 0 && (own !== scan.serial || !scan.isOpen)) return;
      // A timer started while its plugin was loaded counts for whatever scan of that plugin waits now.
      setAsyncContext(own === loadingSerial(scanning) && scan.serial > 0 ? scan.serial : own);
      try {
        apply(callback as Callable, undefined, args);
      } catch (error) {
        onStrayError(error);
      }
      setAsyncContext(undefined);
    };
    mapSet(
      timers,
      id,
      createTimer(fire, typeof delay === "number" ? delay : 0, undefined, repeats, true),
    );
    return id;
  };
}

const startTimeout = makeTimer(false);

function clearTimer(id: unknown): void {
  const timer = mapGet(scanTimers, id) ?? mapGet(loadTimers, id);
  if (timer === undefined) return;
  cancelTimer(timer);
  mapDelete(scanTimers, id);
  mapDelete(loadTimers, id);
}

function endTimers(): void {
  mapForEach(scanTimers, (timer: unknown) => cancelTimer(timer));
  mapClear(scanTimers);
}

// ---- loading ---------------------------------------------------------------

function loadFailed(kind: string, error: unknown): never {
  channel.send(
    Kind.LoadFailed,
    `{"kind":"${kind}","error":${
      describeError(error)
    },"urls":[${urls}],"console":[${scan.consoleJson}],"denials":[${scan.denialsJson}],"plugin":${loading}}`,
  );
  return channel.exit(0);
}

/** The names a plugin finds beside the language's own. */
function pluginGlobals(): Record<string, unknown> {
  const emit = (finding: unknown) => report(finding, true);
  const logAs = (level: unknown, message: unknown) =>
    log(level === "error" || level === "warn" || level === "debug" ? level : "info", [message]);
  const console: Record<string, unknown> = {};
  for (const level of ["log", "info", "warn", "error", "debug"]) {
    console[level] = (...args: unknown[]) => log(level, args);
  }
  for (const name of ["trace", "dir", "table", "group", "groupCollapsed", "timeLog", "timeEnd", "count"]) {
    console[name] = console.log;
  }
  for (const name of ["groupEnd", "time", "countReset", "clear"]) console[name] = () => {};
  console.assert = (condition: unknown, ...args: unknown[]) => condition || log("error", args);
  return {
    console,
    isoscan: Object.freeze({
      report: (finding: unknown) => report(finding, false),
      readAsset,
      readAssetText: (name: unknown) => decodeUtf8(readAsset(name)),
    }),
    Sentinel: Object.freeze({ emitFinding: emit, log: logAs }),
    // The historic ops as stubs of ours; the real namespace is gone.
    Deno: tellingNamespace({
      core: Object.freeze({ ops: Object.freeze({ op_emit_finding: emit, op_plugin_log: logAs }) }),
    }, tell),
    setTimeout: startTimeout,
    setInterval: makeTimer(true),
    clearTimeout: clearTimer,
    clearInterval: clearTimer,
  };
}

function installRealm(): void {
  const globals = pluginGlobals();
  for (const name of Object.keys(globals)) {
    const value = globals[name];
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }
  // A signal's timer ends with its scan like any other.
  AbortSignal.timeout = (delay: number) => {
    const controller = new NativeAbortController();
    startTimeout(() => abort(controller, new NativeDOMException("Signal timed out.", "TimeoutError")), delay);
    return signalOf(controller);
  };
  if (settings.determinism) rewind = freeze(settings.determinism);
  fixByteArrays();
  const stuck = lockDown(globalThis, allowedGlobals(settings.has_network, settings.has_wasm));
  if (stuck.length > 0) throw new Error(`globals that cannot be removed: ${stuck.join(", ")}`);
  tellOfGlobals(globalThis, tell);
  if (settings.has_network) tellOfRefusals(globalThis as unknown as Record<string, unknown>, tell);
}

function readSettings(): void {
  frame = channel.readFrame();
  if (frame.order !== Order.Load) channel.exit(70);
  settings = parse(decodeUtf8(new NativeUint8Array(frame.memory, frame.payload, frame.end - frame.payload)));
  channel.setNonce(settings.nonce);
  settings.nonce = "";
  assetsOf = settings.plugins.map((plugin) => {
    const files = new NativeMap<string, Uint8Array>();
    for (const name of Object.keys(plugin.assets)) {
      mapSet(files, name, NativeUint8Array.fromBase64(plugin.assets[name]));
    }
    return files;
  });
  scan = new Scan(0, settings);
}

/** Loads one plugin, of which `created` are the modules; returns what it says of itself, as JSON. */
async function loadOne(created: string[], config: unknown): Promise<string> {
  const found = findEntryPoints(await importEntry(created));
  if (found.scanTransaction === null && found.scanRequest === null && found.scanResponse === null) {
    loadFailed("no_entry", new NativeError("the plugin has no scan_transaction(transaction) function"));
  }
  if (typeof found.init === "function") await found.init(config);
  const { metadata } = found;
  const described: unknown = stringify(typeof metadata === "function" ? await metadata() : metadata) ??
    "null";
  if (typeof described !== "string" || described.length > METADATA_CHARS) {
    loadFailed("metadata", new NativeError(`metadata is longer than ${METADATA_CHARS} characters`));
  }
  entries[loading] = found;
  return `{"metadata":${
    stringify(described)
  },"console":[${scan.consoleJson}],"denials":[${scan.denialsJson}]}`;
}

async function load(): Promise<void> {
  const { plugins } = settings;
  // All of it before the first of them runs, and no array grows once one did.
  const created = plugins.map((plugin) => createModules(plugin.modules));
  entries = new Array(plugins.length).fill(null);
  urls = created.flat().map((url) => JSON.stringify(url)).join(",");
  installRealm();
  const count = plugins.length;
  let loaded = "";
  for (loading = 0; loading < count; loading++) {
    assets = assetsOf[loading];
    scan = new Scan(loadingSerial(loading), settings);
    loaded += (loading > 0 ? "," : "") + await loadOne(created[loading], plugins[loading].config);
  }
  settings.plugins = [];
  isLoading = false;
  channel.send(Kind.Ready, `{"plugins":[${loaded}],"urls":[${urls}],"heap":${heapJson()}}`);
}

channel.send(Kind.Hello, "{}");
readSettings();
load().then(() => afterMicrotasks(start), (error) => loadFailed("throw", error));
