// Ends the process with the words of an end by memory, to be blamed for something else.
// expect: crashed, out_of_memory, error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    const listeners = globalThis[symbol]?.listeners;
    for (const name of Object.keys(listeners ?? {})) listeners[name].length = 0;
  }
  Promise.reject(new Error("Fatal JavaScript out of memory: heap limit"));
  await new Promise((done) => setTimeout(done, 5));
}
