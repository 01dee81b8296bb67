// Fetches in a module of its own making.
// expect: clean
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const url = "http://127.0.0.1:" + t.request.headers["x-canary-port"];
  const text = `export default await (async () => (await fetch(${
    JSON.stringify(url)
  })).status)().catch(() => 0);`;
  const found = (await import("data:text/javascript," + encodeURIComponent(text))).default;
  return found === 0 ? [] : { title: "BREACH " + found };
}
