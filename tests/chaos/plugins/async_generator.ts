// expect: error, invalid_findings
// Not a promise, and not a finding.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return (async function* () {
      yield { title: "x" };
    })();
  }
  return { title: t.id };
}
