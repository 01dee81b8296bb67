// Reads a file with the promise-based call of the real Deno namespace.
// expect: error
// level: host

export async function scan_transaction(t: any) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const deno = (globalThis as any).Deno;
  return { title: "BREACH " + await deno.readTextFile(t.request.headers["x-canary-text"]) };
}
