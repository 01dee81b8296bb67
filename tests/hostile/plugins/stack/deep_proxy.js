// Reports a proxy around a proxy, fifty thousand times.
// expect: error, invalid_findings, clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  let proxy = { title: "deep" };
  for (let level = 0; level < 50_000; level++) proxy = new Proxy(proxy, {});
  return proxy;
}
