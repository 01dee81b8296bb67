// Looks for process numbers.
// expect: clean
// level: realm

export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const found = Deno.pid ?? Deno.ppid ?? globalThis.process?.pid;
  return found === undefined ? [] : { title: "BREACH " + found };
}
