// Connects over QUIC and WebTransport, which are neither of the sockets one thinks of.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const port = Number(t.request.headers["x-canary-port"]);
  const endpoint = new Deno.QuicEndpoint();
  const made = await Deno.connectQuic({ hostname: "127.0.0.1", port, endpoint, alpnProtocols: ["h3"] });
  return { title: "BREACH " + made };
}
