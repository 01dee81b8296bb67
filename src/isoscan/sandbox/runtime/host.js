// Built by tools/build_runtime.py from the .ts files beside it, sha256 fa309eafa11636e0f6492fda9480e0f0ea893d4021daf39448491fd988bdbc46
// deno-lint-ignore-file
// src/isoscan/sandbox/runtime/captured.ts
var uncurry = Function.prototype.bind.bind(Function.prototype.call);
var deno = Deno;
var { core, inspectArgs: inspectInternal } = deno[deno.internal];
var decodeUtf8 = core.decode;
var { getAsyncContext, setAsyncContext, memoryUsage } = core;
var { createTimer, cancelTimer } = core;
var drainMicrotasks = core.runNextTicks;
var { queueNextTick } = core;
function afterMicrotasks(callback) {
  queueNextTick({
    callback,
    snapshot: void 0,
    args: void 0
  });
}
var { parse, stringify } = JSON;
var { isArray } = Array;
var { apply, construct, defineProperty } = Reflect;
var { create: createObject, hasOwn } = Object;
var NativeAbortController = AbortController;
var NativeDOMException = DOMException;
var abort = uncurry(AbortController.prototype.abort);
var signalOf = uncurry(Object.getOwnPropertyDescriptor(AbortController.prototype, "signal").get);
var NativeUint8Array = Uint8Array;
var NativeUint32Array = Uint32Array;
var NativeArrayBuffer = ArrayBuffer;
var NativeError = Error;
var NativeMap = Map;
var NativeTextDecoder = TextDecoder;
var NativeURLSearchParams = URLSearchParams;
var byteLength = uncurry(Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length").get);
var fillBytes = uncurry(Uint8Array.prototype.fill);
var moveBytes = uncurry(Uint8Array.prototype.copyWithin);
var indexOfByte = uncurry(Uint8Array.prototype.indexOf);
var setBytes = uncurry(Uint8Array.prototype.set);
var encodeInto = uncurry(TextEncoder.prototype.encodeInto);
var decodeWith = uncurry(TextDecoder.prototype.decode);
var sliceString = uncurry(String.prototype.slice);
var toLowerCase = uncurry(String.prototype.toLowerCase);
var execRegExp = uncurry(RegExp.prototype.exec);
var forEachParam = uncurry(URLSearchParams.prototype.forEach);
var mapGet = uncurry(Map.prototype.get);
var mapSet = uncurry(Map.prototype.set);
var mapDelete = uncurry(Map.prototype.delete);
var mapClear = uncurry(Map.prototype.clear);
var mapForEach = uncurry(Map.prototype.forEach);
var preventDefault = uncurry(Event.prototype.preventDefault);
var rejectionReason = uncurry(Object.getOwnPropertyDescriptor(PromiseRejectionEvent.prototype, "reason").get);
var errorOfEvent = uncurry(Object.getOwnPropertyDescriptor(ErrorEvent.prototype, "error").get);
var collectGarbage = globalThis.gc;
var now = performance.now.bind(performance);
var MESSAGE_CHARS = 4096;
var STACK_CHARS = 16384;
var INSPECT_OPTIONS = Object.freeze({
  depth: 4,
  iterableLimit: 100,
  strAbbreviateSize: 1e4
});
function inspectAll(args) {
  return inspectInternal(args, INSPECT_OPTIONS);
}
function quoted(text, limit) {
  if (typeof text !== "string") return '""';
  return stringify(text.length > limit ? sliceString(text, 0, limit) : text);
}
function describeError(thrown) {
  let name = "";
  let message;
  let stack;
  try {
    if (typeof thrown === "object" && thrown !== null) {
      const error = thrown;
      name = error.name;
      message = error.message;
      stack = error.stack;
      if (typeof message !== "string") message = `an object was thrown: ${inspectAll([
        thrown
      ])}`;
    } else {
      message = `${inspectAll([
        thrown
      ])} (a ${thrown === null ? "null" : typeof thrown}) was thrown`;
    }
  } catch {
    message = "the thrown object throws when it is read";
  }
  return `{"name":${quoted(name, 128)},"message":${quoted(message, MESSAGE_CHARS)},"stack":${quoted(stack, STACK_CHARS)}}`;
}

// src/isoscan/sandbox/runtime/denials.ts
var NAMESPACE = {
  read: "readFile readFileSync readTextFile readTextFileSync open openSync stat statSync lstat lstatSync readDir readDirSync readLink readLinkSync realPath realPathSync watchFs cwd",
  write: "writeFile writeFileSync writeTextFile writeTextFileSync create createSync mkdir mkdirSync remove removeSync rename renameSync copyFile copyFileSync chmod chmodSync chown chownSync symlink symlinkSync link linkSync truncate truncateSync utime utimeSync makeTempDir makeTempDirSync makeTempFile makeTempFileSync chdir",
  net: "connect connectTls startTls listen listenTls listenDatagram resolveDns serve upgradeWebSocket createHttpClient",
  run: "Command run kill",
  env: "env",
  ffi: "dlopen",
  sys: "hostname osRelease osUptime loadavg networkInterfaces systemMemoryInfo uid gid execPath",
  storage: "openKv"
};
var GLOBALS = {
  net: "fetch WebSocket EventSource XMLHttpRequest WebTransport",
  worker: "Worker SharedWorker",
  wasm: "WebAssembly",
  storage: "localStorage sessionStorage indexedDB caches"
};
var TARGET_CHARS = 200;
function tellingNamespace(members, tell2) {
  const permissions = byName(NAMESPACE);
  return new Proxy(Object.freeze(members), {
    get(target, name) {
      const permission = typeof name === "string" ? permissions[name] : void 0;
      if (permission !== void 0) tell2(permission, `Deno.${name}`);
      return target[name];
    }
  });
}
function tellOfGlobals(global, tell2) {
  const permissions = byName(GLOBALS);
  const prototype = Object.getPrototypeOf(global);
  for (const name of Object.keys(permissions)) {
    if (name in global) continue;
    defineProperty(prototype, name, {
      get: () => tell2(permissions[name], name),
      // Assigned to, it is an ordinary variable, as it would be were nothing here.
      set: (value) => defineProperty(global, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true
      }),
      enumerable: false,
      configurable: true
    });
  }
}
function tellOfRefusals(global, tell2) {
  const watched = (target, error) => {
    if (error instanceof NativeError && error.name === "NotCapable") tell2("net", asText(target));
    return error;
  };
  const fetch = global.fetch;
  const hide = (name, value) => defineProperty(global, name, {
    value,
    writable: true,
    enumerable: false,
    configurable: true
  });
  hide("fetch", async (...args) => {
    try {
      return await apply(fetch, void 0, args);
    } catch (error) {
      throw watched(args[0], error);
    }
  });
  hide("WebSocket", new Proxy(global.WebSocket, {
    construct(target, args, newTarget) {
      try {
        return construct(target, args, newTarget);
      } catch (error) {
        throw watched(args[0], error);
      }
    }
  }));
}
function refusal(permission, target, tell2) {
  const shown = target.length > TARGET_CHARS ? "" : target;
  tell2(permission, shown);
  const error = new NativeError(`Requires ${permission} access${shown === "" ? "" : ` to "${shown}"`}, which the plugin was not granted`);
  defineProperty(error, "name", {
    value: "NotCapable",
    enumerable: false
  });
  return error;
}
function asText(target) {
  try {
    const url = target.url;
    return typeof url === "string" ? url : `${target}`;
  } catch {
    return "";
  }
}
function byName(table) {
  const permissions = createObject(null);
  for (const permission of Object.keys(table)) {
    for (const name of table[permission].split(" ")) permissions[name] = permission;
  }
  return permissions;
}

// src/isoscan/sandbox/runtime/channel.ts
var Order = {
  Load: 1,
  Scan: 2,
  Measure: 3
};
var Kind = {
  Hello: 0,
  Ready: 1,
  LoadFailed: 2,
  Results: 3,
  Memory: 4
};
var NONCE_BYTES = 16;
var ORDER_HEAD_BYTES = 9;
var REPLY_HEAD_BYTES = 4 + NONCE_BYTES + 5;
var INPUT_BYTES = 1 << 20;
var KEPT_INPUT_BYTES = 8 << 20;
var STDIN = 0;
var STDOUT = 1;
var isTaken = false;
function openChannel() {
  if (isTaken) throw new TypeError("the channel is taken");
  isTaken = true;
  const deno2 = Deno;
  const { readSync, writeSync } = deno2[deno2.internal].core;
  const exit = Deno.exit;
  const encoder = new TextEncoder();
  const nonce = new NativeUint8Array(NONCE_BYTES);
  let sequence = 0;
  let inputMemory = new NativeArrayBuffer(INPUT_BYTES);
  let input = new NativeUint8Array(inputMemory);
  let inputCapacity = INPUT_BYTES;
  let start2 = 0;
  let end = 0;
  let frameEnd = 0;
  let outputCapacity = 1 << 16;
  let outputMemory = new NativeArrayBuffer(outputCapacity);
  let output = new NativeUint8Array(outputMemory);
  function makeRoom(count) {
    if (count <= inputCapacity && inputCapacity <= KEPT_INPUT_BYTES) {
      moveBytes(input, 0, start2, end);
      fillBytes(input, 0, end - start2, end);
      end -= start2;
      start2 = 0;
      return;
    }
    const capacity = count * 2 <= INPUT_BYTES ? INPUT_BYTES : count * 2 <= KEPT_INPUT_BYTES ? count * 2 : count;
    const memory = new NativeArrayBuffer(capacity);
    const bytes = new NativeUint8Array(memory);
    setBytes(bytes, new NativeUint8Array(inputMemory, start2, end - start2));
    fillBytes(input, 0, start2, end);
    end -= start2;
    start2 = 0;
    inputMemory = memory;
    input = bytes;
    inputCapacity = capacity;
  }
  function need(count) {
    if (start2 + count > inputCapacity) makeRoom(count);
    while (end - start2 < count) {
      const got = readSync(STDIN, new NativeUint8Array(inputMemory, end, inputCapacity - end));
      if (got === 0) return exit(0);
      end += got;
    }
  }
  function u322(offset) {
    return (input[offset] | input[offset + 1] << 8 | input[offset + 2] << 16 | input[offset + 3] << 24) >>> 0;
  }
  function putU32(offset, value) {
    output[offset] = value;
    output[offset + 1] = value >>> 8;
    output[offset + 2] = value >>> 16;
    output[offset + 3] = value >>> 24;
  }
  return {
    readFrame() {
      fillBytes(input, 0, start2, frameEnd);
      start2 = frameEnd;
      if (start2 === end) start2 = end = 0;
      need(ORDER_HEAD_BYTES);
      const length = u322(start2) + 4;
      need(length);
      frameEnd = start2 + length;
      return {
        order: input[start2 + 4],
        number: u322(start2 + 5),
        memory: inputMemory,
        payload: start2 + ORDER_HEAD_BYTES,
        end: frameEnd
      };
    },
    send(kind, json) {
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
    setNonce(hex) {
      for (let i = 0; i < NONCE_BYTES; i++) nonce[i] = parseInt(hex.slice(i * 2, i * 2 + 2), 16);
    },
    exit
  };
}

// src/isoscan/sandbox/runtime/frozen.ts
function freeze({ clock_ms: clock2, seed }) {
  stopDates(clock2);
  stopTemporal(clock2);
  performance.now = () => 0;
  let state = seed | 0;
  const { imul } = Math;
  const next2 = () => {
    state = state + 1831565813 | 0;
    let mixed = imul(state ^ state >>> 15, state | 1);
    mixed = mixed + imul(mixed ^ mixed >>> 7, mixed | 61) ^ mixed;
    return (mixed ^ mixed >>> 14) >>> 0;
  };
  Math.random = () => next2() / 2 ** 32;
  const hex = (count) => {
    let text = "";
    while (text.length < count) text += (next2() & 15).toString(16);
    return text;
  };
  crypto.getRandomValues = (view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = next2();
    return view;
  };
  crypto.randomUUID = () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
  return () => {
    state = seed | 0;
  };
}
function stopDates(clock2) {
  const Native = Date;
  Native.now = () => clock2;
  const Stopped = new Proxy(Native, {
    apply: () => new Native(clock2).toString(),
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [
      clock2
    ] : args, newTarget)
  });
  Object.defineProperty(Native.prototype, "constructor", {
    value: Stopped
  });
  Object.defineProperty(globalThis, "Date", {
    value: Stopped
  });
  const format = Intl.DateTimeFormat.prototype;
  const { formatToParts } = format;
  const get = Object.getOwnPropertyDescriptor(format, "format").get;
  Object.defineProperty(format, "format", {
    configurable: true,
    get() {
      const own = get.call(this);
      return (date) => own(date ?? clock2);
    }
  });
  format.formatToParts = function(date) {
    return formatToParts.call(this, date ?? clock2);
  };
}
function stopTemporal(clock2) {
  const temporal = globalThis.Temporal;
  if (temporal === void 0) return;
  const instant = temporal.Instant.fromEpochMilliseconds(clock2);
  const zoned = (zone) => instant.toZonedDateTimeISO(zone ?? temporal.Now.timeZoneId());
  temporal.Now.instant = () => instant;
  temporal.Now.zonedDateTimeISO = zoned;
  temporal.Now.plainDateTimeISO = (zone) => zoned(zone).toPlainDateTime();
  temporal.Now.plainDateISO = (zone) => zoned(zone).toPlainDate();
  temporal.Now.plainTimeISO = (zone) => zoned(zone).toPlainTime();
}

// src/isoscan/sandbox/runtime/plugin.ts
var ENTRY_NAMES = [
  "scan_transaction",
  "scanTransaction",
  "scan_request",
  "scan_response",
  "metadata",
  "get_metadata",
  "init"
];
var SCOPE_EXPORT = "\n;export const __isoscan_scope = { " + ENTRY_NAMES.map((name) => `get ${name}() { return typeof ${name} === "undefined" ? undefined : ${name}; }`).join(", ") + " };\n";
function createModules(modules) {
  const urls2 = [];
  const create = (source, type) => urls2.push(URL.createObjectURL(new Blob([
    source
  ], {
    type
  })));
  modules.forEach((module, index) => {
    let source = "";
    for (const part of module.parts) source += typeof part === "string" ? part : JSON.stringify(urls2[part]);
    const isEntry = index === modules.length - 1;
    create(isEntry ? source + SCOPE_EXPORT : source, module.type);
    if (isEntry) create(source, module.type);
  });
  return urls2;
}
async function importEntry(urls2) {
  try {
    return await import(urls2[urls2.length - 2]);
  } catch (error) {
    if (error instanceof Error && error.message.includes("SyntaxError")) await import(urls2[urls2.length - 1]);
    throw error;
  }
}
function findEntryPoints(loaded) {
  const fallback = loaded.default;
  const scope = loaded.__isoscan_scope;
  const find = (name) => {
    if (loaded[name] !== void 0) return loaded[name];
    if (typeof fallback === "object" && fallback !== null && fallback[name] !== void 0) {
      const member = fallback[name];
      return typeof member === "function" ? member.bind(fallback) : member;
    }
    return scope[name];
  };
  const entry2 = (name) => {
    const found = find(name);
    if (found === void 0) return null;
    if (typeof found !== "function") throw new TypeError(`${name} is not a function but a ${typeof found}`);
    return found;
  };
  const scanTransaction = entry2("scan_transaction") ?? entry2("scanTransaction") ?? (typeof fallback === "function" ? fallback : null);
  return {
    scanTransaction,
    scanRequest: scanTransaction === null ? entry2("scan_request") : null,
    scanResponse: scanTransaction === null ? entry2("scan_response") : null,
    metadata: find("metadata") ?? find("get_metadata"),
    init: find("init")
  };
}

// src/isoscan/sandbox/runtime/realm.ts
var ECMASCRIPT = "Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError DisposableStack AsyncDisposableStack globalThis JSON Math Intl Temporal ArrayBuffer DataView Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float16Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array Map BigInt Set Iterator WeakMap WeakSet WeakRef FinalizationRegistry Proxy Reflect decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval isFinite isNaN";
var WEB = "URL URLSearchParams URLPattern TextEncoder TextDecoder atob btoa structuredClone crypto Crypto CryptoKey SubtleCrypto AbortController AbortSignal Event EventTarget CustomEvent ErrorEvent PromiseRejectionEvent DOMException performance setTimeout clearTimeout setInterval clearInterval queueMicrotask self console isoscan Sentinel Deno";
var NETWORK = "fetch Headers Request Response FormData Blob File ReadableStream WritableStream TransformStream WebSocket";
var WASM = "WebAssembly";
function allowedGlobals(hasNetwork, hasWasm) {
  return ` ${ECMASCRIPT} ${WEB}${hasNetwork ? ` ${NETWORK}` : ""}${hasWasm ? ` ${WASM}` : ""} `;
}
function fixByteArrays() {
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  for (const prototype of [
    typed,
    ArrayBuffer.prototype
  ]) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (descriptor.get !== void 0) {
        Object.defineProperty(prototype, name, {
          configurable: false
        });
      }
    }
  }
}
function lockDown(global, allowed) {
  const stuck = [];
  for (const key of Reflect.ownKeys(global)) {
    if (typeof key === "symbol" || allowed.includes(` ${key} `)) continue;
    if (Reflect.deleteProperty(global, key)) continue;
    if (!Reflect.defineProperty(global, key, {
      value: void 0
    })) stuck.push(key);
  }
  return stuck;
}

// src/isoscan/sandbox/runtime/scan.ts
var MAX_FIELD_CHARS = 1 << 24;
var MAX_DENIALS = 50;
var TARGET_CHARS2 = 256;
var Scan = class {
  serial;
  /** Whether the plugin may still add to it. */
  isOpen = true;
  isSkipped = false;
  startedAt = 0;
  endedAt = 0;
  #limits;
  #findings = "";
  #findingCount = 0;
  #findingChars = 0;
  #invalid = "";
  #error = "";
  #console = "";
  #consoleChars = 0;
  #consoleDropped = 0;
  /** Attempts by the beginning of their JSON, `["permission","target",`. */
  #denials = null;
  #denialKinds = 0;
  constructor(serial2, limits) {
    this.serial = serial2;
    this.#limits = limits;
  }
  /** Whether nothing was left behind: then it can stand for the next scan too. */
  get isClean() {
    return this.#findings === "" && this.#error === "" && this.#invalid === "" && !this.isSkipped && this.#console === "" && this.#consoleDropped === 0 && this.#denials === null;
  }
  /** Makes a clean one stand for another scan: most are clean, and making one costs time. */
  renew(serial2) {
    this.serial = serial2;
    this.isOpen = true;
  }
  /** Adds one finding; `isHistoric` marks the older call forms, whose title may be derived. */
  addFinding(finding, isHistoric) {
    if (this.#invalid !== "") return;
    if (this.#findingCount >= this.#limits.max_findings) {
      this.#invalid = `more than ${this.#limits.max_findings} findings from one scan`;
      return;
    }
    if (typeof finding !== "object" || finding === null) {
      this.#invalid = `a finding must be an object, not ${finding === null ? "null" : `a ${typeof finding}`}`;
      return;
    }
    const text = this.#write(finding);
    if (text === null) return;
    this.#findingChars += text.length;
    if (this.#findingChars > this.#limits.max_findings_bytes) {
      this.#invalid = `the findings of one scan exceed ${this.#limits.max_findings_bytes} bytes`;
      return;
    }
    this.#findingCount++;
    this.#findings += `${this.#findings === "" ? "" : ","}[${isHistoric ? 1 : 0},${stringify(text)}]`;
  }
  #write(finding) {
    let reason = "";
    try {
      const evidence = finding.evidence;
      if (typeof evidence === "string" && evidence.length > MAX_FIELD_CHARS) {
        this.#invalid = `evidence: ${evidence.length} characters are more than a finding may have`;
        return null;
      }
      const text = stringify(finding);
      if (typeof text === "string") return text;
      reason = "toJSON returned nothing";
    } catch (error) {
      reason = "an error that cannot be read";
      try {
        reason = error.message;
      } catch {
      }
    }
    const why = typeof reason === "string" ? sliceString(reason, 0, 300) : "";
    this.#invalid = `a finding cannot be written as JSON: ${why}`;
    return null;
  }
  /** Takes what the plugin returned: a finding, an array of them, or nothing. */
  addReturned(value) {
    if (value === void 0 || value === null) return;
    try {
      if (!isArray(value)) {
        this.addFinding(value, false);
        return;
      }
      const length = value.length;
      for (let i = 0; i < length && this.#invalid === ""; i++) this.addFinding(value[i], false);
    } catch (error) {
      this.fail(error);
    }
  }
  /** Records the scan's first error. */
  fail(error) {
    if (this.#error === "") this.#error = describeError(error);
  }
  log(level, args) {
    const room = this.#limits.max_console_bytes - this.#consoleChars;
    if (room <= 0) {
      this.#consoleDropped++;
      return;
    }
    let text;
    try {
      text = inspectAll(args);
    } catch {
      text = "(console arguments that throw when they are read)";
    }
    if (text.length > room) this.#consoleDropped++;
    this.#consoleChars += text.length + 1;
    this.#console += `${this.#console === "" ? "" : ","}["${level}",${quoted(text, room)}]`;
  }
  /** Counts an attempt at what was not granted; beyond a number of targets, by permission alone. */
  deny(permission, target) {
    const counts = this.#denials ??= new NativeMap();
    let key = `["${permission}",${quoted(target, TARGET_CHARS2)},`;
    let count = mapGet(counts, key);
    if (count === void 0) {
      if (this.#denialKinds >= MAX_DENIALS) {
        key = `["${permission}","",`;
        count = mapGet(counts, key);
      }
      this.#denialKinds++;
    }
    mapSet(counts, key, (count ?? 0) + 1);
  }
  /** Attempts as the inside of a JSON array of `[permission, target, count]`. */
  get denialsJson() {
    let text = "";
    if (this.#denials !== null) {
      mapForEach(this.#denials, (count, key) => {
        text += `${text === "" ? "" : ","}${key}${count}]`;
      });
    }
    return text;
  }
  /** Console lines as the inside of a JSON array. */
  get consoleJson() {
    return this.#console;
  }
  /** The entry in a results frame: microseconds when clean and silent, else an object. */
  toEntry() {
    const micros = (this.endedAt - this.startedAt) * 1e3 | 0;
    if (this.isClean) return `${micros}`;
    let text = `{"d":${micros}`;
    if (this.isSkipped) text += ',"s":true';
    if (this.#findings !== "") text += `,"f":[${this.#findings}]`;
    if (this.#invalid !== "") text += `,"i":${stringify(this.#invalid)}`;
    if (this.#error !== "") text += `,"e":${this.#error}`;
    if (this.#console !== "") text += `,"c":[${this.#console}]`;
    if (this.#denials !== null) text += `,"n":[${this.denialsJson}]`;
    if (this.#consoleDropped !== 0) text += `,"x":${this.#consoleDropped}`;
    return text + "}";
  }
};

// src/isoscan/sandbox/runtime/content.ts
var LINE_END = 10;
var Block = class {
  #memory;
  #details;
  #end;
  #lines;
  /** Where lines begin in the details, and of how many that is known; most plugins never ask. */
  #starts = null;
  #known = 1;
  /** What one plugin had decoded and the others that scan the same frame need not: by line. */
  #texts = null;
  #headers = null;
  constructor(memory, details, end, lines, isShared) {
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
  static details(block2, index) {
    const details = new NativeUint8Array(block2.#memory, block2.#details, block2.#end - block2.#details);
    const starts = block2.#starts ??= new NativeUint32Array(block2.#lines + 1);
    while (block2.#known <= index + 1) {
      starts[block2.#known] = indexOfByte(details, LINE_END, starts[block2.#known - 1]) + 1;
      block2.#known++;
    }
    const line2 = new NativeUint8Array(block2.#memory, block2.#details + starts[index], starts[index + 1] - starts[index] - 1);
    return parse(decodeUtf8(line2));
  }
  static bytes(block2, offset, length) {
    return new NativeUint8Array(block2.#memory, offset, length);
  }
  /** A body as text; `line` tells it from others. */
  static text(block2, line2, offset, length, type) {
    let text = block2.#texts === null ? void 0 : mapGet(block2.#texts, line2);
    if (text === void 0) {
      const decoder = decoderFor(type);
      text = decodeWith(decoder ?? utf8, new NativeUint8Array(block2.#memory, offset, length));
      if (block2.#texts !== null && decoder !== null) mapSet(block2.#texts, line2, text);
    }
    return text;
  }
  /** A header object of a plugin's own; null when the frame is not shared. */
  static sharedHeaders(block2, line2, isRequest) {
    if (block2.#headers === null) return null;
    let headers = mapGet(block2.#headers, line2);
    if (headers === void 0) {
      const details = detailsOf(block2, line2);
      headers = headerObject(isRequest ? details[0] : details);
      mapSet(block2.#headers, line2, headers);
    }
    return {
      ...headers
    };
  }
};
var detailsOf = Block.details;
var bytesOf = Block.bytes;
var textOf = Block.text;
var sharedHeadersOf = Block.sharedHeaders;
var utf8 = new TextDecoder();
function put(target, key, value) {
  const descriptor = createObject(null);
  descriptor.value = value;
  descriptor.writable = descriptor.enumerable = descriptor.configurable = true;
  defineProperty(target, key, descriptor);
}
var lowerCaseNames = new NativeMap();
var MAX_KNOWN_NAMES = 1024;
var MAX_NAME_CHARS = 64;
var knownNames = 0;
function lowerCase(name) {
  let lower = mapGet(lowerCaseNames, name);
  if (lower === void 0) {
    lower = toLowerCase(name);
    if (knownNames < MAX_KNOWN_NAMES && typeof name === "string" && name.length <= MAX_NAME_CHARS) {
      mapSet(lowerCaseNames, name, lower);
      knownNames++;
    }
  }
  return lower;
}
function headerObject(pairs) {
  const headers = {};
  for (let i = 0; i < pairs.length; i++) {
    const name = lowerCase(pairs[i][0]);
    const value = pairs[i][1];
    if (!(name in headers)) {
      headers[name] = value;
    } else if (!hasOwn(headers, name)) {
      put(headers, name, value);
    } else {
      put(headers, name, headers[name] + (name === "set-cookie" ? "\n" : ", ") + value);
    }
  }
  return headers;
}
var CHARSET = /charset\s*=\s*"?([^\s";]+)/i;
var decoders = new NativeMap();
var MAX_KNOWN_TYPES = 256;
var knownTypes = 0;
function decoderFor(contentType) {
  if (contentType === null) return utf8;
  let decoder = mapGet(decoders, contentType);
  if (decoder === void 0) {
    decoder = newDecoder(contentType);
    if (decoder === null) return null;
    if (knownTypes < MAX_KNOWN_TYPES && contentType.length <= MAX_NAME_CHARS) {
      mapSet(decoders, contentType, decoder);
      knownTypes++;
    }
  }
  return decoder;
}
function newDecoder(contentType) {
  CHARSET.lastIndex = 0;
  const match = execRegExp(CHARSET, contentType);
  if (match === null) return utf8;
  try {
    return new NativeTextDecoder(match[1]);
  } catch {
    return null;
  }
}
var Content = class {
  #block;
  #line;
  #offset;
  #bodyLength;
  #contentType;
  #details;
  #bytes;
  #text;
  constructor(block2, line2, offset, bodyLength, contentType) {
    this.#block = block2;
    this.#line = line2;
    this.#offset = offset;
    this.#bodyLength = bodyLength;
    this.#contentType = contentType;
  }
  details() {
    return this.#details ??= detailsOf(this.#open(), this.#line);
  }
  headers(isRequest) {
    if (this.#details === void 0) {
      const shared = sharedHeadersOf(this.#open(), this.#line, isRequest);
      if (shared !== null) return shared;
    }
    const details = this.details();
    return headerObject(isRequest ? details[0] : details);
  }
  bytes() {
    if (this.#bytes === void 0) {
      const bytes = new NativeUint8Array(this.#bodyLength);
      if (this.#bodyLength > 0) setBytes(bytes, bytesOf(this.#open(), this.#offset, this.#bodyLength));
      this.#bytes = bytes;
    }
    return this.#bytes;
  }
  text() {
    const type = this.#contentType;
    return this.#text ??= this.#bytes === void 0 ? textOf(this.#open(), this.#line, this.#offset, this.#bodyLength, type) : decodeWith(decoderFor(type) ?? utf8, this.#bytes);
  }
  release() {
    this.#block = null;
  }
  #open() {
    if (this.#block === null) {
      throw new NativeError("headers and bodies can only be read first while their transaction is scanned");
    }
    return this.#block;
  }
};

// src/isoscan/sandbox/runtime/transaction.ts
var REQUEST_FIELDS = 8;
function bodyBytesOf(row2) {
  return row2[7] + (row2.length > REQUEST_FIELDS ? row2[12] : 0);
}
function linesOf(row2) {
  return row2.length > REQUEST_FIELDS ? 2 : 1;
}
var Request = class {
  id;
  method;
  url;
  is_https;
  was_edited;
  bodyLength;
  content_type;
  timestamp;
  #row;
  #block;
  #line;
  #offset;
  #content = null;
  #headers;
  #query;
  constructor(row2, block2, line2, offset) {
    this.id = row2[0];
    this.method = row2[1];
    this.url = row2[2];
    this.content_type = row2[3];
    this.is_https = row2[4];
    this.timestamp = row2[5];
    this.was_edited = row2[6];
    this.bodyLength = row2[7];
    this.#row = row2;
    this.#block = block2;
    this.#line = line2;
    this.#offset = offset;
  }
  #open() {
    const row2 = this.#row;
    return this.#content ??= new Content(this.#block, this.#line, this.#offset, row2[7], row2[3]);
  }
  #details() {
    return this.#open().details();
  }
  get headers() {
    return this.#headers ??= this.#open().headers(true);
  }
  get rawHeaders() {
    return this.#details()[0];
  }
  get body() {
    return this.#open().bytes();
  }
  get query_params() {
    return this.#query ??= this.#details()[1] ?? queryOf(this.url);
  }
  /** The historic `scan_request(ctx)` is also written as `ctx.request.url`. */
  get request() {
    return this;
  }
  text() {
    return this.#open().text();
  }
  toJSON() {
    return {
      ...this,
      headers: this.headers,
      body: this.text()
    };
  }
  static release(request2) {
    request2.#block = null;
    if (request2.#content !== null) request2.#content.release();
  }
};
var Response = class {
  request_id;
  status;
  bodyLength;
  content_type;
  timestamp;
  #row;
  #block;
  #line;
  #offset;
  #content = null;
  #headers;
  constructor(row2, block2, line2, offset) {
    this.request_id = row2[8];
    this.status = row2[9];
    this.content_type = row2[10];
    this.timestamp = row2[11];
    this.bodyLength = row2[12];
    this.#row = row2;
    this.#block = block2;
    this.#line = line2;
    this.#offset = offset;
  }
  #open() {
    const row2 = this.#row;
    return this.#content ??= new Content(this.#block, this.#line, this.#offset, row2[12], row2[10]);
  }
  get headers() {
    return this.#headers ??= this.#open().headers(false);
  }
  get rawHeaders() {
    return this.#open().details();
  }
  get body() {
    return this.#open().bytes();
  }
  text() {
    return this.#open().text();
  }
  toJSON() {
    return {
      ...this,
      headers: this.headers,
      body: this.text()
    };
  }
  static release(response2) {
    response2.#block = null;
    if (response2.#content !== null) response2.#content.release();
  }
};
var releaseRequest = Request.release;
var releaseResponse = Response.release;
function queryOf(url) {
  const query = {};
  const search = execRegExp(/\?([^#]*)/, url);
  if (search !== null) {
    forEachParam(new NativeURLSearchParams(search[1]), (value, name) => put(query, name, value));
  }
  return query;
}
var Transaction = class {
  id;
  request;
  response;
  constructor(row2, block2, line2, offset) {
    this.id = row2[0];
    this.request = new Request(row2, block2, line2, offset);
    this.response = row2.length > REQUEST_FIELDS ? new Response(row2, block2, line2 + 1, offset + row2[7]) : null;
  }
};
function release(request2, response2) {
  releaseRequest(request2);
  if (response2 !== null) releaseResponse(response2);
}

// src/isoscan/sandbox/runtime/host.ts
var channel = openChannel();
var FLUSH_MS = 2;
var FLUSH_CHARS = 1 << 17;
var HEAP_SAMPLE_MS = 5;
var METADATA_CHARS = 65536;
var settings;
var entries;
var entry;
var urls = "";
var isLoading = true;
var loading = 0;
var scanning = 0;
var frame;
var rows = [];
var block;
var pluginCount = 0;
var turn = 0;
var row = 0;
var line = 0;
var bodyOffset = 0;
var bodiesOffset = 0;
var next = 0;
var unsent = 0;
var results = "";
var unsentSince = 0;
var scan;
var serial = 0;
var clock = 0;
var rewind = null;
var request;
var response;
var isStarted = false;
var isAnswered = true;
var isWaiting = false;
var isResumeDue = false;
var lateErrors = 0;
var assetsOf;
var assets;
var heapSampledAt = -HEAP_SAMPLE_MS;
function start() {
  if (isStarted) return;
  isStarted = true;
  pump();
}
function pump() {
  for (; ; ) {
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
function begin() {
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
  setAsyncContext(void 0);
  drainMicrotasks();
}
function finish() {
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
function resumeSoon() {
  isWaiting = false;
  isResumeDue = true;
  afterMicrotasks(resume);
}
function resume() {
  if (!isResumeDue) return;
  isResumeDue = false;
  drainMicrotasks();
  finish();
  pump();
}
function answer(own, value, isError) {
  if (own !== scan.serial || isAnswered) return;
  isAnswered = true;
  if (isError) scan.fail(value);
  else scan.addReturned(value);
  if (isWaiting) resumeSoon();
}
function answerLater(own, value) {
  if (typeof value !== "object" || value === null) return false;
  const then = value.then;
  if (typeof then !== "function") return false;
  apply(then, value, [
    (result) => answer(own, result, false),
    (error) => answer(own, error, true)
  ]);
  return true;
}
function callPlugin(own, transaction) {
  const { scanTransaction, scanRequest, scanResponse } = entry;
  if (scanTransaction !== null) return scanTransaction(transaction);
  const hasResponse = transaction.response !== null;
  if (scanRequest === null) {
    if (hasResponse) return scanResponse(transaction);
    scan.isSkipped = true;
    return void 0;
  }
  const found = scanRequest(transaction.request);
  if (scanResponse === null || !hasResponse) return found;
  return thenResponse(own, found, transaction);
}
async function thenResponse(own, pending, whole) {
  const found = await pending;
  if (own !== scan.serial || !scan.isOpen) return void 0;
  scan.addReturned(found);
  return entry.scanResponse(whole);
}
function sendResults() {
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
function readScanFrame() {
  frame = channel.readFrame();
  while (frame.order === Order.Measure) {
    const began = now();
    collectGarbage();
    const { heapUsed, external } = memoryUsage();
    channel.send(Kind.Memory, `[${heapUsed},${external},${(now() - began) * 1e3 | 0}]`);
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
function takeTurn() {
  scanning = u32(frame.payload + 4 + 4 * turn);
  entry = entries[scanning];
  assets = assetsOf[scanning];
  row = line = 0;
  bodyOffset = bodiesOffset;
}
function u32(offset) {
  const bytes = new NativeUint8Array(frame.memory, offset, 4);
  return (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) >>> 0;
}
function heapJson() {
  const { heapUsed, external } = memoryUsage();
  return `[${heapUsed},${external}]`;
}
function isOnTime() {
  if (isLoading || scan.isOpen && getAsyncContext() === scan.serial) return true;
  lateErrors++;
  return false;
}
function isErrorOnTime() {
  const context = getAsyncContext();
  if (scan.isOpen && (typeof context !== "number" || context === scan.serial)) return true;
  lateErrors++;
  return false;
}
function onStrayError(error) {
  if (isLoading) loadFailed("throw", error);
  if (!isErrorOnTime()) return;
  if (isAnswered) scan.fail(error);
  else answer(scan.serial, error, true);
}
function report(finding, isHistoric) {
  if (isLoading) throw new NativeError("a finding can only be reported during a scan");
  if (isOnTime()) scan.addFinding(finding, isHistoric);
}
function log(level, args) {
  if (isOnTime()) scan.log(level, args);
}
function tell(permission, target) {
  if (isOnTime()) scan.deny(permission, target);
}
function readAsset(name) {
  if (!isOnTime()) throw new NativeError("a file can only be read while its plugin is loaded or scans");
  const bytes = mapGet(assets, name);
  if (bytes === void 0) throw refusal("read", typeof name === "string" ? name : "", tell);
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
  preventDefault(event);
  if (isLoading) loadFailed("never_settles", new NativeError("loading awaits a promise that never settles"));
  if (isWaiting) {
    answer(scan.serial, new NativeError("the scan awaits a promise that never settles"), true);
  }
});
function loadingSerial(place) {
  return -1 - place;
}
var timerId = 0;
var scanTimers = new NativeMap();
var loadTimers = new NativeMap();
function ownerOfTimer() {
  const context = getAsyncContext();
  return typeof context === "number" ? context : scan.serial;
}
function makeTimer(repeats) {
  return (callback, delay, ...args) => {
    if (typeof callback !== "function") throw new NativeError("a timer needs a function, not code as text");
    const id = ++timerId;
    const own = ownerOfTimer();
    if (own > 0 && own !== scan.serial) {
      lateErrors++;
      return id;
    }
    const timers = own < 0 ? loadTimers : scanTimers;
    const fire = () => {
      if (!repeats) mapDelete(timers, id);
      if (own > 0 && (own !== scan.serial || !scan.isOpen)) return;
      setAsyncContext(own === loadingSerial(scanning) && scan.serial > 0 ? scan.serial : own);
      try {
        apply(callback, void 0, args);
      } catch (error) {
        onStrayError(error);
      }
      setAsyncContext(void 0);
    };
    mapSet(timers, id, createTimer(fire, typeof delay === "number" ? delay : 0, void 0, repeats, true));
    return id;
  };
}
var startTimeout = makeTimer(false);
function clearTimer(id) {
  const timer = mapGet(scanTimers, id) ?? mapGet(loadTimers, id);
  if (timer === void 0) return;
  cancelTimer(timer);
  mapDelete(scanTimers, id);
  mapDelete(loadTimers, id);
}
function endTimers() {
  mapForEach(scanTimers, (timer) => cancelTimer(timer));
  mapClear(scanTimers);
}
function loadFailed(kind, error) {
  channel.send(Kind.LoadFailed, `{"kind":"${kind}","error":${describeError(error)},"urls":[${urls}],"console":[${scan.consoleJson}],"denials":[${scan.denialsJson}],"plugin":${loading}}`);
  return channel.exit(0);
}
function pluginGlobals() {
  const emit = (finding) => report(finding, true);
  const logAs = (level, message) => log(level === "error" || level === "warn" || level === "debug" ? level : "info", [
    message
  ]);
  const console = {};
  for (const level of [
    "log",
    "info",
    "warn",
    "error",
    "debug"
  ]) {
    console[level] = (...args) => log(level, args);
  }
  for (const name of [
    "trace",
    "dir",
    "table",
    "group",
    "groupCollapsed",
    "timeLog",
    "timeEnd",
    "count"
  ]) {
    console[name] = console.log;
  }
  for (const name of [
    "groupEnd",
    "time",
    "countReset",
    "clear"
  ]) console[name] = () => {
  };
  console.assert = (condition, ...args) => condition || log("error", args);
  return {
    console,
    isoscan: Object.freeze({
      report: (finding) => report(finding, false),
      readAsset,
      readAssetText: (name) => decodeUtf8(readAsset(name))
    }),
    Sentinel: Object.freeze({
      emitFinding: emit,
      log: logAs
    }),
    // The historic ops as stubs of ours; the real namespace is gone.
    Deno: tellingNamespace({
      core: Object.freeze({
        ops: Object.freeze({
          op_emit_finding: emit,
          op_plugin_log: logAs
        })
      })
    }, tell),
    setTimeout: startTimeout,
    setInterval: makeTimer(true),
    clearTimeout: clearTimer,
    clearInterval: clearTimer
  };
}
function installRealm() {
  const globals = pluginGlobals();
  for (const name of Object.keys(globals)) {
    const value = globals[name];
    Object.defineProperty(globalThis, name, {
      value,
      writable: true,
      enumerable: false,
      configurable: true
    });
  }
  AbortSignal.timeout = (delay) => {
    const controller = new NativeAbortController();
    startTimeout(() => abort(controller, new NativeDOMException("Signal timed out.", "TimeoutError")), delay);
    return signalOf(controller);
  };
  if (settings.determinism) rewind = freeze(settings.determinism);
  fixByteArrays();
  const stuck = lockDown(globalThis, allowedGlobals(settings.has_network, settings.has_wasm));
  if (stuck.length > 0) throw new Error(`globals that cannot be removed: ${stuck.join(", ")}`);
  tellOfGlobals(globalThis, tell);
  if (settings.has_network) tellOfRefusals(globalThis, tell);
}
function readSettings() {
  frame = channel.readFrame();
  if (frame.order !== Order.Load) channel.exit(70);
  settings = parse(decodeUtf8(new NativeUint8Array(frame.memory, frame.payload, frame.end - frame.payload)));
  channel.setNonce(settings.nonce);
  settings.nonce = "";
  assetsOf = settings.plugins.map((plugin) => {
    const files = new NativeMap();
    for (const name of Object.keys(plugin.assets)) {
      mapSet(files, name, NativeUint8Array.fromBase64(plugin.assets[name]));
    }
    return files;
  });
  scan = new Scan(0, settings);
}
async function loadOne(created, config) {
  const found = findEntryPoints(await importEntry(created));
  if (found.scanTransaction === null && found.scanRequest === null && found.scanResponse === null) {
    loadFailed("no_entry", new NativeError("the plugin has no scan_transaction(transaction) function"));
  }
  if (typeof found.init === "function") await found.init(config);
  const { metadata } = found;
  const described = stringify(typeof metadata === "function" ? await metadata() : metadata) ?? "null";
  if (typeof described !== "string" || described.length > METADATA_CHARS) {
    loadFailed("metadata", new NativeError(`metadata is longer than ${METADATA_CHARS} characters`));
  }
  entries[loading] = found;
  return `{"metadata":${stringify(described)},"console":[${scan.consoleJson}],"denials":[${scan.denialsJson}]}`;
}
async function load() {
  const { plugins } = settings;
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
