// expect: clean, error

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    performance.now = () => NaN;
    Performance.prototype.now = () => { throw 1; };
    Date.now = () => -1;
    Math.min = Math.max = () => NaN;
    return [];
  }
  return { title: t.id };
}
