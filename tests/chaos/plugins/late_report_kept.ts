// expect: clean
// Keeps a reporter; only the scan that is open may be reported on.

let kept: (() => void) | undefined;

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    kept = () => isoscan.report({ title: "from an earlier scan" });
    return [];
  }
  return { title: t.id };
}
