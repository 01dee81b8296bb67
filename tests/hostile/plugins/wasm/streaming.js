// Compiles a module while it is fetched.
// expect: error
// level: realm

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return {
    title: "BREACH " + await WebAssembly.compileStreaming(fetch("data:application/wasm;base64,AGFzbQEAAAA=")),
  };
}
