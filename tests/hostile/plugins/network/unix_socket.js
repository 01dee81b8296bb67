// Connects to the container engine's socket.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  await Deno.connect({ transport: "unix", path: "/var/run/docker.sock" });
  return { title: "BREACH connected" };
}
