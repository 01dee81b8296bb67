/**
 * What a plugin finds on its global object, and nothing else.
 *
 * A plugin can import this file, because it is part of the loaded graph: so it
 * must export nothing that holds a capability or state.
 */

const ECMASCRIPT =
  "Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol " +
  "Date Promise RegExp Error AggregateError EvalError RangeError ReferenceError SyntaxError " +
  "TypeError URIError SuppressedError DisposableStack AsyncDisposableStack globalThis JSON Math " +
  "Intl Temporal ArrayBuffer DataView Uint8Array Int8Array Uint16Array Int16Array Uint32Array " +
  "Int32Array Float16Array Float32Array Float64Array Uint8ClampedArray BigUint64Array " +
  "BigInt64Array Map BigInt Set Iterator WeakMap WeakSet WeakRef FinalizationRegistry Proxy " +
  "Reflect decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval " +
  "isFinite isNaN";

const WEB = "URL URLSearchParams URLPattern TextEncoder TextDecoder atob btoa structuredClone crypto " +
  "Crypto CryptoKey SubtleCrypto AbortController AbortSignal Event EventTarget CustomEvent " +
  "ErrorEvent PromiseRejectionEvent DOMException performance setTimeout clearTimeout " +
  "setInterval clearInterval queueMicrotask self console isoscan Sentinel Deno";

/** Added when the plugin was granted network. */
const NETWORK = "fetch Headers Request Response FormData Blob File ReadableStream WritableStream " +
  "TransformStream WebSocket";

const WASM = "WebAssembly";

/** Names that stay on the global object of a plugin with these grants. */
export function allowedGlobals(hasNetwork: boolean, hasWasm: boolean): string {
  return ` ${ECMASCRIPT} ${WEB}${hasNetwork ? ` ${NETWORK}` : ""}${hasWasm ? ` ${WASM}` : ""} `;
}

/**
 * Fixes what Deno's own code asks of a byte array. It would ask the plugin's
 * replacement, and hand it the channel's buffers.
 */
export function fixByteArrays(): void {
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  for (const prototype of [typed, ArrayBuffer.prototype]) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if ((descriptor as PropertyDescriptor).get !== undefined) {
        Object.defineProperty(prototype, name, { configurable: false });
      }
    }
  }
}

/**
 * Deletes every own property of `global` that is not allowed and returns the
 * names that refused to go (none, on a supported Deno).
 */
export function lockDown(global: object, allowed: string): string[] {
  const stuck: string[] = [];
  for (const key of Reflect.ownKeys(global)) {
    // Symbols hold what Deno needs to recognise its own global object, and no capability.
    if (typeof key === "symbol" || allowed.includes(` ${key} `)) continue;
    if (Reflect.deleteProperty(global, key)) continue;
    // V8's own gc cannot be deleted, but it can be emptied.
    if (!Reflect.defineProperty(global, key, { value: undefined })) stuck.push(key);
  }
  return stuck;
}
