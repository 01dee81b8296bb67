// With network granted, makes a worker from a blob, to have a realm that nobody emptied.
// expect: error
// permissions: net=127.0.0.1:9
// level: host

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = URL.createObjectURL(
    new Blob(["self.postMessage(typeof Deno.readFileSync)"], { type: "text/javascript" }),
  );
  new Worker(url, { type: "module" });
  return { title: "BREACH started" };
}
