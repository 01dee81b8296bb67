"""Direct attacks on the machine by a plugin that has the real `Deno`, `process` and node builtins. Pure.

Each is the body of an async function that returns what it reached, or nothing, or throws. It
finds `folder`, `text` (a file), `port` (a server of the owner) and `call(name, kinds, ...values)`, which
calls a function of libc. None does lasting harm where it succeeds: it must be safe to try that out.
"""

from __future__ import annotations

ATTACKS = {
    # ---- files
    "read_file": "return Deno.readTextFileSync(text);",
    "read_file_node": "return (await import('node:fs')).readFileSync(text, 'utf8');",
    "read_passwd": "return (await Deno.readTextFile('/etc/passwd')).length;",
    "list_root": "return [...Deno.readDirSync('/')].length;",
    "list_proc": "return [...Deno.readDirSync('/proc')].length;",
    "environ_of_parent": "return Deno.readFileSync(`/proc/${Deno.ppid}/environ`).length + 1;",
    "own_environ": "return Deno.readFileSync('/proc/self/environ').length + 1;",
    "own_memory": "return Deno.openSync('/proc/self/mem', { read: true });",
    "memory_of_parent": "return Deno.openSync(`/proc/${Deno.ppid}/mem`, { read: true });",
    "descriptors_of_parent": "return [...Deno.readDirSync(`/proc/${Deno.ppid}/fd`)].length;",
    "open_dev_full": "return Deno.openSync('/dev/full', { read: true });",
    "open_terminal": "return Deno.openSync('/dev/ptmx', { read: true, write: true });",
    "import_file": (
        "const path = `file://${text.replace('.txt', '.json')}`;"
        "return (await import(path, { with: { type: 'json' } })).default.secret;"
    ),
    # ---- changes
    "create_file": "return Deno.openSync(`${folder}/new`, { write: true, create: true });",
    "create_shared_memory": (
        "const path = `/dev/shm/${crypto.randomUUID()}`;"
        "Deno.openSync(path, { write: true, create: true }); Deno.removeSync(path); return path;"
    ),
    "make_folder": (
        "const path = `/tmp/${crypto.randomUUID()}`; Deno.mkdirSync(path);"
        "Deno.removeSync(path); return path;"
    ),
    "make_temporary": "const path = Deno.makeTempDirSync(); Deno.removeSync(path); return path;",
    "symlink": "Deno.symlinkSync('/etc/passwd', `${folder}/link`); return 'a link';",
    "hard_link": "Deno.linkSync(text, `${folder}/twin`); return 'a twin';",
    "rename": "Deno.renameSync(text, `${folder}/moved`); return 'moved';",
    "change_mode": "Deno.chmodSync(text, 0o777); return 'changed';",
    "change_times": "Deno.utimeSync(text, 0, 0); return 'changed';",
    "remove": "Deno.removeSync(text); return 'removed';",
    "watch_files": "return Deno.watchFs(folder);",
    # ---- network
    "connect": "return await Deno.connect({ port, hostname: '127.0.0.1' });",
    "connect_node": (
        "const net = await import('node:net');"
        "return await new Promise((done, fail) => {"
        "  net.connect(port, '127.0.0.1', () => done('connected')).on('error', fail); });"
    ),
    "fetch": "return await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(300) })"
    ".catch((error) => error.name === 'TimeoutError' ? 'connected' : undefined);",
    "listen": "return Deno.listen({ port: 0 });",
    "datagram_node": (
        "const socket = (await import('node:dgram')).createSocket('udp4');"
        "return await new Promise((done, fail) => {"
        "  socket.on('error', fail); socket.bind(0, '127.0.0.1', () => done('bound')); });"
    ),
    "listen_unix": (
        "const path = `${folder}/socket`; return Deno.listen({ transport: 'unix', path });"
    ),
    "dns": (
        "return (await import('node:dns')).promises.lookup('localhost').then((found) => found.address);"
    ),
    # ---- processes
    "spawn": "return new Deno.Command('/bin/true').outputSync().success;",
    "spawn_node": (
        "const done = (await import('node:child_process')).spawnSync('/bin/echo', ['ran']);"
        "return done.stdout?.length ? 'ran' : undefined;"
    ),
    "signal_parent": "process.kill(Deno.ppid, 0); return 'reached';",
    "signal_everybody": "return call('kill', ['i32', 'i32'], -1, 0) === 0;",
    "signal_init": "return call('kill', ['i32', 'i32'], 1, 0) === 0;",
    "fork": "const id = call('fork', []); if (id === 0) for (;;); if (id > 0) Deno.kill(id, 'SIGKILL');"
    "return id > 0;",
    # ---- libc, past everything Deno could say
    "libc_open": "return (call('open', ['buffer', 'i32'], name('/etc/passwd'), 0)) >= 0;",
    "libc_open_parent": (
        "return (call('open', ['buffer', 'i32'], name(`/proc/${Deno.ppid}/environ`), 0)) >= 0;"
    ),
    "libc_memfd": "return (call('memfd_create', ['buffer', 'u32'], name('x'), 0)) >= 0;",
    "libc_inotify": "return (call('inotify_init1', ['i32'], 0)) >= 0;",
    "libc_socket": "return (call('socket', ['i32', 'i32', 'i32'], 2, 1, 0)) >= 0;",
    "libc_socket_unix": "return (call('socket', ['i32', 'i32', 'i32'], 1, 1, 0)) >= 0;",
    "libc_netlink": "return (call('socket', ['i32', 'i32', 'i32'], 16, 3, 0)) >= 0;",
    "libc_trace": "return (call('ptrace', ['i64', 'i64', 'i64', 'i64'], 0n, 0n, 0n, 0n)) >= 0;",
    "libc_raise_limit": (
        "const limits = new BigUint64Array([32n, 32n]);"
        "return (call('setrlimit', ['i32', 'buffer'], 7, new Uint8Array(limits.buffer))) === 0;"
    ),
    "libc_raise_limit_of_parent": (
        "const limits = new BigUint64Array(2);"
        "return (call('prlimit', ['i32', 'i32', 'pointer', 'buffer'], Deno.ppid, 7, null,"
        "  new Uint8Array(limits.buffer))) === 0;"
    ),
    "libc_shared_memory": "return (call('shmget', ['i32', 'usize', 'i32'], 0, 4096n, 0o600)) >= 0;",
    "libc_message_queue": (
        "const id = call('msgget', ['i32', 'i32'], 0, 0o600);"
        "if (id >= 0) call('msgctl', ['i32', 'i32', 'pointer'], id, 0, null);"
        "return id >= 0;"
    ),
    "libc_dumpable": "return (call('prctl', ['i32', 'u64', 'u64', 'u64', 'u64'], 4, 0n, 0n, 0n, 0n)) === 0;",
    "libc_priority": "return (call('setpriority', ['i32', 'u32', 'i32'], 0, 0, 5)) === 0;",
    "libc_execute": (
        "const words = new BigUint64Array([0n]);"
        "const why = call('execve', ['buffer', 'buffer', 'buffer'], name('/nowhere'),"
        "  new Uint8Array(words.buffer), new Uint8Array(words.buffer), 'errno');"
        "return why === 2;"
    ),
    "libc_personality": "return (call('personality', ['u64'], 0xffffffffn)) >= 0;",
    "libc_affinity": (
        "return (call('sched_setaffinity', ['i32', 'usize', 'buffer'], 0, 8n,"
        "  new Uint8Array(8).fill(255))) === 0;"
    ),
    # ---- where the owner listens
    "write_to_owner": "Deno.stdout.writeSync(new Uint8Array(64).fill(65)); return undefined;",
    "write_error_of_owner": "return Deno.openSync(`/proc/${Deno.ppid}/fd/2`, { write: true });",
    "write_output_of_owner": "return Deno.openSync(`/proc/${Deno.ppid}/fd/1`, { write: true });",
}  # fmt: skip
#: They reach nothing by themselves: what they may do is only told by what comes of their owner.
SILENT = frozenset({"write_to_owner"})

PLUGIN = """
const name = (text) => new TextEncoder().encode(text + "\\0");
function call(symbol, parameters, ...values) {
  const wantsErrno = values.length > parameters.length;
  const library = Deno.dlopen("libc.so.6", {
    [symbol]: { parameters, result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  });
  const done = library.symbols[symbol](...values.slice(0, parameters.length));
  if (!wantsErrno) return done;
  return new Deno.UnsafePointerView(library.symbols.__errno_location()).getInt32();
}
async function attack(folder, text, port) {
  %s
}
export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  const { headers } = t.request;
  try {
    const reached = await attack(
      headers["x-canary-folder"], headers["x-canary-text"], Number(headers["x-canary-port"]));
    if (reached) return { title: `BREACH ${String(reached)}` };
  } catch (error) {
    console.log(String(error).slice(0, 200));
  }
}
"""


def plugin(attack: str) -> str:
    """A plugin that makes one attack when it scans `/bad`, and is good otherwise."""
    return PLUGIN % ATTACKS[attack]
