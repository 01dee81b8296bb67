// With network granted, fetches by schemes that are no network.
// expect: clean
// permissions: net=127.0.0.1:9
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (
    const url of [
      "file:///etc/hosts",
      "ftp://127.0.0.1:9/",
      "ws://127.0.0.1:9/",
      "npm:left-pad",
      "ext:core/mod.js",
    ]
  ) {
    const answer = await fetch(url).catch(() => null);
    if (answer !== null) return { title: "BREACH " + url };
  }
}
