// Asks for a graphics card, whose driver is native code in its process.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const adapter = await globalThis.navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  return { title: "BREACH " + device.label };
}
