// expect: invalid_findings, error, timeout
// An array that says it is a thousand million long.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    return new Proxy([], { get: (_, key) => (key === "length" ? 1e9 : { title: "x" }) });
  }
  return { title: t.id };
}
