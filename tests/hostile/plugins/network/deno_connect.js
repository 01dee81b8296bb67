// Connects a TCP socket.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await Deno.connect({ hostname: "127.0.0.1", port: Number(t.request.headers["x-canary-port"]) });
  return { title: "BREACH connected" };
}
