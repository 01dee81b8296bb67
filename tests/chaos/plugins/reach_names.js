// expect: clean
// Globals that give access to anything outside.

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const names = ["process", "Buffer", "require", "module", "exports", "__dirname", "global", "window", "Worker", "fetch", "Request", "WebSocket", "EventSource", "localStorage", "sessionStorage", "caches", "navigator", "location", "close", "prompt", "alert", "confirm", "WebAssembly", "SharedArrayBuffer", "BroadcastChannel", "MessageChannel", "MessagePort", "Blob", "File", "FileReader", "ReadableStream", "GPU", "Storage", "importScripts", "postMessage", "setImmediate", "__bootstrap", "bootstrap", "Iterator_"];
    const found = names.filter((name) => typeof globalThis[name] !== "undefined");
    if (found.length) return { title: "reached: " + found };
    return [];
  }
  return { title: t.id };
}
