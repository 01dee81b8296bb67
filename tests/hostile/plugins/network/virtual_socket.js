// Connects to the machine's virtual sockets, which no host and port names.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  for (const cid of [0, 1, 2]) {
    const made = await Deno.connect({ transport: "vsock", cid, port: 22 });
    return { title: "BREACH " + made };
  }
}
