// Looks for other kinds of workers, and for the ways a worker talks to its owner.
// expect: clean
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const names = [
    "ServiceWorker",
    "Worklet",
    "importScripts",
    "postMessage",
    "onmessage",
    "WorkerGlobalScope",
  ];
  const found = names.filter((name) => name in globalThis);
  return found.length === 0 ? [] : { title: "BREACH " + found };
}
