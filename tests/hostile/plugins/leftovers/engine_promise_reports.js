// Reports when the engine's own promise settles after the scan.
// expect: clean
// level: realm

let current = "";
export async function scan_transaction(t) {
  current = t.id;
  if (!t.request.url.includes("/bad")) {
    await new Promise((done) => setTimeout(done, 40));
    return { title: t.id, evidence: t.response.text() };
  }
  const report = () => {
    if (current !== t.id) isoscan.report({ title: "BREACH late digest" });
  };
  crypto.subtle.digest("SHA-512", new Uint8Array(1 << 20)).then(report);
  import("data:text/javascript,").then(report);
  return [];
}
