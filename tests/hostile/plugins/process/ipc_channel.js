// Opens the pipe to a parent that Node's children have, over a descriptor of its choice.
// expect: error
// level: host

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { op_node_child_ipc_pipe: open } = Deno.core.ops;
  const channel = open ? open(false) : (await import("node:" + "process")).default.channel;
  return { title: "BREACH " + channel };
}
