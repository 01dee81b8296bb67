// Empties the list of the host's handlers, so that an unhandled rejection ends the process.
// expect: crashed, error, clean
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    const listeners = globalThis[symbol]?.listeners;
    for (const name of Object.keys(listeners ?? {})) listeners[name].length = 0;
  }
  Promise.reject(new Error("nobody is told"));
  await new Promise((done) => setTimeout(done, 5));
}
