// Loops in the function that gives stacks their form, when the host or the engine asks for one.
// expect: timeout, error
// limits: timeout_s=1
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  Error.prepareStackTrace = () => {
    for (;;);
  };
  isoscan.readAsset("no such file");
}
