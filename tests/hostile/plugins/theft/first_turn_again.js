// Catches the record of the host's first turn while it loads, and starts that turn again inside a scan.
// expect: clean
// level: realm

let first = null;
for (const name of ["asyncId", "triggerAsyncId"]) {
  Object.defineProperty(Object.prototype, name, {
    get() {
      if (first === null && typeof this.callback === "function") first = this.callback;
      return undefined;
    },
    configurable: true,
  });
}
let times = 0;
const seen = [];
export function scan_transaction(t) {
  const own = /q=(marker-[0-9a-f]+)/.exec(t.request.url)[1];
  const text = JSON.stringify([t.request.headers, t.response.headers, t.request.text(), t.response.text()]);
  for (const marker of text.match(/marker-[0-9a-f]+/g) ?? []) if (marker !== own) seen.push(marker);
  if (t.request.url.includes("/bad") && first !== null && times++ < 3) first();
  if (seen.length > 0) return { title: "BREACH " + seen };
  return t.request.url.includes("/bad") ? [] : { title: t.id, evidence: t.response.text() };
}
