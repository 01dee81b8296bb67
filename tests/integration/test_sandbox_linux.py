"""The operating system's layer: real servers, real children, each layer shown to hold by itself."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

import isoscan
from isoscan.sandbox.deno import find_deno, generation_environment

if sys.platform != "linux":
    pytest.skip("this layer is Linux's", allow_module_level=True)

from isoscan.sandbox.linux.client import (
    Confinement,
    ForkServer,
    SandboxUnavailable,
    Spawned,
    probe,
    shared_server,
)
from isoscan.sandbox.linux.lockdown import ACTIVE, REQUIRED

DEADLINE_S = 20.0
LAYERS = ("oom_score", "uid", "landlock_net", "landlock_scope", *REQUIRED)
FLAGS = "--quiet --no-prompt --no-remote --no-npm --cached-only --no-config --no-lock --no-code-cache -A"
# CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP: a root that lacks one of them stays who it is.
NEEDED_CAPABILITIES = 0b1111 << 5
CAP_DAC_READ_SEARCH = 1 << 2
NOBODY = 65534
# Helpers the scripts share: `attempt` says "through" or the error's name, `libc` calls a C function.
PRELUDE = """
import dns from "node:dns/promises";
import dgram from "node:dgram";
const libc = (name, parameters, ...given) =>
  Deno.dlopen("libc.so.6", { f: { name, parameters, result: "i32" } }).symbols.f(...given);
const must = (result) => { if (result < 0) throw new Deno.errors.PermissionDenied("refused"); };
const attempt = async (f) => {
  try { await f(); console.log("through"); } catch (error) { console.log(error.name + ": " + error.message); }
  Deno.exit(0);
};
"""
WAIT = "await Deno.stdin.read(new Uint8Array(1));"


def status_of(pid: int | str, key: str) -> str:
    """A field of a process' status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:"))


IS_ROOT = (
    os.geteuid() == 0 and int(status_of("self", "CapEff"), 16) & NEEDED_CAPABILITIES == NEEDED_CAPABILITIES
)


class Child(NamedTuple):
    """A locked-down Deno, and the ends of its streams."""

    spawned: Spawned
    stdin: int
    stdout: int

    @property
    def pid(self) -> int:
        return self.spawned.pid

    def output(self) -> str:
        """All it writes until it ends."""
        with open(self.stdout, "rb", closefd=False) as stream:
            return stream.read().decode()

    def exit_code(self) -> int | None:
        """Waits for its end; None when the server died with it."""
        data = os.read(self.spawned.exit_fd, 4)
        return struct.unpack("<i", data)[0] if data else None

    def status(self, key: str) -> str:
        """A field of its status."""
        return status_of(self.pid, key)


class Lab:
    """A fork server and a folder of scripts that everybody may read."""

    def __init__(self, folder: Path) -> None:
        self.server = ForkServer()
        self.folder = folder
        self._fds: list[int] = []

    def start(
        self,
        script: str,
        *,
        without: Sequence[str] = (),
        connect_ports: tuple[int, ...] = (),
        folder: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> Child:
        """Runs a script with all of Deno's permissions; strict unless layers are left out."""
        folder = folder or self.folder
        path = folder / "script.js"
        path.write_text(PRELUDE + script)
        path.chmod(0o644)
        command = [str(find_deno()), "run", *FLAGS.split(), str(path), *arguments]
        confinement = Confinement((str(folder),), connect_ports, without=tuple(without))
        return self.run(command, confinement, is_strict=not without)

    def run(self, command: Sequence[str], confinement: Confinement, *, is_strict: bool = True) -> Child:
        """Spawns with pipes; all descriptors are closed with the lab."""
        stdin_read, stdin_write = os.pipe()
        stdout_read, stdout_write = os.pipe()
        self._fds += [stdin_write, stdout_read]
        try:
            spawned = self.server.spawn(
                command,
                generation_environment(),
                stdin=stdin_read,
                stdout=stdout_write,
                stderr=stdout_write,
                confinement=confinement,
                is_strict=is_strict,
            )
        finally:
            os.close(stdin_read)
            os.close(stdout_write)
        self._fds += [spawned.exit_fd, *([spawned.pidfd] if spawned.pidfd >= 0 else [])]
        return Child(spawned, stdin_write, stdout_read)

    def close(self) -> None:
        self.server.close()
        for fd in self._fds:
            os.close(fd)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Closed at the end, whatever runs in it."""
    folder = Path(tempfile.mkdtemp(prefix="confined-"))
    folder.chmod(0o755)
    lab = Lab(folder)
    yield lab
    lab.close()
    shutil.rmtree(folder)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Polls; fails the test when it does not come true."""
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_but(*kept: str) -> tuple[str, ...]:
    """Every layer except these; the filter and Landlock need no_new_privs."""
    return tuple(layer for layer in LAYERS if layer not in (*kept, "no_new_privs"))


#: What a script tries, and each set of layers that must stop it without the others.
ATTACKS: dict[str, tuple[str, list[tuple[str, ...]]]] = {
    "read a file": ('Deno.readTextFileSync("/etc/passwd")', [("landlock_files",)]),
    "list a folder": ('[...Deno.readDirSync("/")]', [("landlock_files",)]),
    "read its own process": ('Deno.readTextFileSync("/proc/self/environ")', [("landlock_files",)]),
    "write beside its script": (
        'Deno.writeTextFileSync(new URL("x", import.meta.url), "x")',
        [("landlock_files",), ("seccomp",), ("limits",)],
    ),
    "write to shared memory": (
        'Deno.writeTextFileSync("/dev/shm/" + Deno.pid, "x"); Deno.removeSync("/dev/shm/" + Deno.pid)',
        [("landlock_files",), ("seccomp",)],
    ),
    "make a folder": ('Deno.mkdirSync(new URL("d", import.meta.url))', [("landlock_files",), ("seccomp",)]),
    "remove a file": (
        'Deno.removeSync(new URL("victim", import.meta.url))',
        [("landlock_files",), ("seccomp",)],
    ),
    "change a mode": ('Deno.chmodSync(new URL("victim", import.meta.url), 0o600)', [("seccomp",)]),
    "listen": ("Deno.listen({ port: 0 })", [("seccomp",), ("landlock_files", "landlock_net")]),
    "connect": (
        "await Deno.connect({ port: Number(Deno.args[0]) })",
        [("seccomp",), ("landlock_files", "landlock_net")],
    ),
    "open a datagram socket": (
        'await new Promise((done, fail) => dgram.createSocket("udp4").on("error", fail).bind(0, done))',
        [("seccomp",)],
    ),
    "listen on a Unix socket": (
        'Deno.listen({ transport: "unix", path: new URL("s", import.meta.url).pathname })',
        [("seccomp",), ("landlock_files",)],
    ),
    "run a program": (
        'new Deno.Command("/bin/true").outputSync()',
        [("seccomp",), ("landlock_files",)],
    ),
    "signal its parent": (
        'Deno.kill(Deno.ppid, "SIGCONT")',
        [("seccomp",), ("landlock_files", "landlock_scope"), *([("uid",)] if IS_ROOT else [])],
    ),
    "forget its parent's death": (
        'must(libc("prctl", ["i32", "u64"], 1, 0n))',
        [("seccomp",)],
    ),
    "make a file of memory": (
        'must(libc("memfd_create", ["buffer", "u32"], new Uint8Array(8), 0))',
        [("seccomp",)],
    ),
    "make a shared segment": (
        'must(libc("shmget", ["i32", "usize", "i32"], 0, 4096n, 0o600))',
        [("seccomp",)],
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_each_layer_stops_by_itself_what_goes_through_without_it(lab: Lab, name: str) -> None:
    """Through without layers, stopped by each layer that answers for it, and by all together."""
    code, stoppers = ATTACKS[name]
    script = f"await attempt(async () => {{ {code}; }});"
    victim = lab.folder / "victim"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = [str(listener.getsockname()[1])]
        lab.folder.chmod(0o777)
        for kept in stoppers:
            victim.write_text("")
            stopped = lab.start(script, without=all_but(*kept), arguments=arguments)
            assert set(kept) <= set(stopped.spawned.layers), stopped.spawned.missing
            assert "through" not in stopped.output(), kept
        assert "through" not in lab.start(script, arguments=arguments).output()
        victim.write_text("")
        assert "through" in lab.start(script, without=LAYERS, arguments=arguments).output()


def test_typescript_is_compiled_under_all_layers(lab: Lab) -> None:
    """Its compiler looks for the bounds of the main thread's stack, which libc reads from /proc."""
    source = "const n: number = 41; export default n + 1;"
    child = lab.start(
        f'const url = URL.createObjectURL(new Blob(["{source}"], {{ type: "application/typescript" }}));'
        "console.log((await import(url)).default);"
    )
    assert child.output().strip() == "42"


def test_names_are_not_resolved(lab: Lab) -> None:
    """Without network not even the name of this machine."""
    script = 'await attempt(() => dns.lookup("localhost"));'
    assert "through" not in lab.start(script).output()
    assert "through" in lab.start(script, without=LAYERS).output()


def test_a_granted_port_is_reached_and_no_other(lab: Lab) -> None:
    """Names resolve, the granted port answers; another port, listening and Unix sockets stay closed."""
    with socket.create_server(("127.0.0.1", 0)) as granted, socket.create_server(("127.0.0.1", 0)) as other:
        port, other_port = granted.getsockname()[1], other.getsockname()[1]

        def outcome(code: str) -> str:
            script = f"await attempt(async () => {{ {code}; }});"
            return lab.start(script, connect_ports=(port,)).output()

        assert "through" in outcome(f'await Deno.connect({{ hostname: "localhost", port: {port} }})')
        assert "through" not in outcome(f"await Deno.connect({{ port: {other_port} }})")
        assert "through" not in outcome("Deno.listen({ port: 0 })")
        assert "through" not in outcome('await Deno.connect({ transport: "unix", path: "/run/x" })')
        assert "through" not in outcome('Deno.readTextFileSync("/etc/passwd")')


def test_what_the_kernel_says_of_a_child(lab: Lab) -> None:
    """No capability, no new privileges, a filter, another user when the owner is root, no core file."""
    child = lab.start(WAIT)
    for key in ("CapInh", "CapPrm", "CapEff", "CapAmb", *(["CapBnd"] if IS_ROOT else [])):
        assert int(child.status(key), 16) == 0, key
    assert child.status("NoNewPrivs") == "1"
    assert child.status("Seccomp") == "2"
    assert child.status("Uid").split() == [str(NOBODY if IS_ROOT else os.getuid())] * 4
    assert int(child.status("NSsid").split()[0]) == child.pid
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == "1000"
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    for name, value in (("core file size", 0), ("file size", 0), ("locked memory", 0), ("open files", 64)):
        (line,) = [line for line in limits.splitlines() if line.startswith(f"Max {name}")]
        assert line.split()[-3:-1] == [str(value)] * 2
    # While a thread is being made, libc blocks all signals, for as long as the processor is taken away.
    deadline = time.monotonic() + 30
    while blocked := int(child.status("SigBlk"), 16):
        if time.monotonic() > deadline:
            break
        time.sleep(0.001)
    ignored = int(child.status("SigIgn"), 16) & ~(1 << (signal.SIGPIPE - 1))  # Deno ignores that itself
    assert (blocked, ignored) == (0, 0)


def targets(pid: int) -> set[str]:
    """The pipes, sockets and files that a process holds open."""
    links = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing itself, when it is of this process
            links.add(str(entry.readlink()))
    return {link for link in links if not link.startswith(("/dev/", "anon_inode:"))}


def test_no_descriptor_is_inherited(lab: Lab) -> None:
    """Neither the owner's, nor the server's, nor those of other children."""
    leaking, other_end = os.pipe()
    os.set_inheritable(leaking, True)
    try:
        # Of the owner's user: another's descriptors may not be listed without CAP_SYS_PTRACE.
        first = lab.start(WAIT, without=("uid",))
        second = lab.start(f"console.log('up'); {WAIT}", without=("uid",))
        assert os.read(second.stdout, 3) == b"up\n"
        held = targets(second.pid)
        streams = {str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (second.stdin, second.stdout)}
        assert streams <= held
        assert lab.server.pid is not None
        for pid in (os.getpid(), lab.server.pid, first.pid):
            assert not (targets(pid) - streams) & held
    finally:
        os.close(leaking)
        os.close(other_end)
    assert max(int(entry.name) for entry in Path(f"/proc/{second.pid}/fd").iterdir()) < 64


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("Deno.exit(7)", 7),
        ("Deno.exit(0)", 0),
        ('libc("abort", [])', -signal.SIGABRT),
        (f"console.log('up'); {WAIT}", -signal.SIGKILL),
    ],
)
def test_how_a_child_ended_is_told(lab: Lab, script: str, code: int) -> None:
    """Its exit code, or the signal it died of, its own abort included; then the pipe ends."""
    child = lab.start(script)
    if code == -signal.SIGKILL:
        os.killpg(child.pid, signal.SIGKILL)
    assert child.exit_code() == code
    assert child.exit_code() is None
    assert not psutil.pid_exists(child.pid)


def test_children_die_with_their_server(lab: Lab) -> None:
    """An end without a status; the next spawn has a new server."""
    child = lab.start(WAIT)
    first = lab.server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert child.exit_code() is None
    wait_for(lambda: not is_running(child.pid), "the child outlives its server")
    assert lab.start("Deno.exit(3)").exit_code() == 3
    assert lab.server.pid not in {first, None}


OWNER = """
import json, os, sys, time
from isoscan.sandbox.deno import find_deno, generation_environment
from isoscan.sandbox.linux.client import Confinement, ForkServer, probe
folder, = sys.argv[1:]
server = ForkServer()
null = os.open("/dev/null", os.O_RDWR)
read, write = os.pipe()
child = server.spawn(
    [str(find_deno()), "run", "-A", "--no-config", "--no-lock", folder + "/script.js"],
    generation_environment(), stdin=read, stdout=null, stderr=null,
    confinement=Confinement((folder,)), is_strict=True)
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print(json.dumps({"server": server.pid, "child": child.pid, "layers": child.layers, "missing": child.missing,
                  "probe": probe()}), flush=True)
time.sleep(60)
"""


def start_owner(folder: Path, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """An owner in its own process, with a forked copy of itself beside it."""
    (folder / "script.js").write_text(WAIT)
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", OWNER, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(isoscan.__file__).parents[1])},
        stdout=subprocess.PIPE,
        process_group=0,
    )


@contextlib.contextmanager
def owner_report(owner: subprocess.Popen[bytes]) -> Iterator[dict[str, object]]:
    """What the owner says of itself; it and its copy are gone afterwards."""
    assert owner.stdout is not None
    try:
        yield json.loads(owner.stdout.readline())
    finally:
        os.killpg(owner.pid, signal.SIGKILL)
        owner.wait()
        owner.stdout.close()


def test_nothing_outlives_an_owner_that_is_killed(lab: Lab) -> None:
    """Not even while a forked copy of the owner still holds its descriptors."""
    owner = start_owner(lab.folder)
    with owner_report(owner) as report:
        pids = [int(str(report[name])) for name in ("server", "child")]
        assert all(is_running(pid) for pid in pids)
        owner.kill()
        end_s = time.monotonic() + 1.0
        while any(is_running(pid) for pid in pids):
            assert time.monotonic() < end_s, "orphans after a second"
            time.sleep(0.01)


def test_an_unprivileged_owner_has_every_required_layer(lab: Lab) -> None:
    """Strict works without root; only the change of user is missing, and says why."""
    prefix: tuple[str, ...] = ()
    if IS_ROOT:
        prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        if int(status_of("self", "CapEff"), 16) & CAP_DAC_READ_SEARCH:
            # With this one an interpreter below a closed folder is found by the other user.
            prefix += ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        os.chown(lab.folder, NOBODY, NOBODY)
    with owner_report(start_owner(lab.folder, prefix)) as report:
        layers, probed = report["layers"], report["probe"]
        assert isinstance(layers, list)
        assert isinstance(probed, dict)
        assert set(REQUIRED) <= set(layers)
        assert all(probed[layer] == ACTIVE for layer in REQUIRED)
        assert probed["uid"] != ACTIVE


def test_strict_refuses_without_a_required_layer(lab: Lab) -> None:
    """The error names what is missing; nothing runs, and nothing is left."""
    program = [shutil.which("true") or "/bin/true"]
    for layer in REQUIRED:
        with pytest.raises(SandboxUnavailable, match=layer):
            lab.run(program, Confinement(without=(layer,)))
        child = lab.run(program, Confinement(without=(layer,)), is_strict=False)
        assert layer not in child.spawned.layers
        assert layer in child.spawned.missing
        assert child.exit_code() == 0


@pytest.mark.skipif(not IS_ROOT, reason="only root changes its user")
def test_root_stays_when_nobody_could_read_the_script(lab: Lab) -> None:
    """Strict accepts that: it has no capability, and Landlock keeps it from root's files."""
    closed = lab.folder / "closed"
    closed.mkdir(mode=0o700)
    child = lab.start(f"console.log('up'); {WAIT}", folder=closed)
    assert "uid" in child.spawned.missing
    assert os.read(child.stdout, 3) == b"up\n"
    assert child.status("Uid").split() == ["0"] * 4
    assert int(child.status("CapEff"), 16) == int(child.status("CapBnd"), 16) == 0


def test_the_owner_limits_a_running_child(lab: Lab) -> None:
    """Whatever user the child became, and whatever capability the owner lacks."""
    child = lab.start(f"console.log('up'); {WAIT}")
    assert os.read(child.stdout, 3) == b"up\n"
    data_bytes = 1024 * int(child.status("VmData").split()[0]) + (16 << 20)
    lab.server.limit(child.pid, resource.RLIMIT_DATA, (data_bytes, data_bytes))
    assert str(data_bytes) in Path(f"/proc/{child.pid}/limits").read_text()
    with pytest.raises(OSError):
        lab.server.limit(1 << 22, resource.RLIMIT_DATA, (data_bytes, data_bytes))


def test_processors_can_be_chosen(lab: Lab) -> None:
    """All threads of the child run there, and it cannot change that."""
    cpu = min(os.sched_getaffinity(0))
    path = lab.folder / "script.js"
    path.write_text(WAIT)
    command = [str(find_deno()), "run", *FLAGS.split(), str(path)]
    child = lab.run(command, Confinement((str(lab.folder),), cpus=(cpu,)))
    assert os.sched_getaffinity(child.pid) == {cpu}


def test_a_program_that_cannot_run_is_an_ordinary_error(lab: Lab) -> None:
    """No layer is to blame."""
    with pytest.raises(FileNotFoundError):
        lab.run([str(lab.folder / "nothing")], Confinement())
    text = lab.folder / "text"
    text.write_text("no program")
    text.chmod(0o755)
    with pytest.raises(OSError) as raised:
        lab.run([str(text)], Confinement((str(text),)))
    assert not isinstance(raised.value, SandboxUnavailable)


def test_a_long_command_line_arrives_whole(lab: Lab) -> None:
    """More than a socket takes at once."""
    argument = "ä" * 50_000
    child = lab.start("console.log(Deno.args[0].length)", arguments=[argument])
    assert child.output().strip() == "50000"


def test_many_spawns_leave_nothing() -> None:
    """No zombie, no descriptor, neither here nor in the server; from several threads."""
    lab = Lab(Path("/"))
    program = [shutil.which("true") or "/bin/true"]
    codes: list[int | None] = []

    def spawn_some() -> None:
        for _ in range(50):
            child = lab.run(program, Confinement())
            codes.append(child.exit_code())

    try:
        assert lab.run(program, Confinement()).exit_code() == 0
        assert lab.server.pid is not None
        server = psutil.Process(lab.server.pid)
        before = server.num_fds()
        threads = [threading.Thread(target=spawn_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [0] * 200
        wait_for(lambda: server.num_fds() <= before + 1, "the server keeps descriptors")
        wait_for(lambda: len(server.children()) <= 1, "more than the spare child is left")
        assert all(child.status() != psutil.STATUS_ZOMBIE for child in server.children())
    finally:
        lab.close()


def test_the_last_user_ends_the_server() -> None:
    """And the next one starts it again."""
    server = ForkServer()
    server.acquire()
    server.acquire()
    server.probe(sys.executable)
    pid = server.pid
    assert pid is not None
    server.release()
    assert is_running(pid)
    server.release()
    assert not psutil.pid_exists(pid)
    server.probe(sys.executable)
    assert server.pid not in {pid, None}
    server.close()


def test_closing_ends_children_and_tells_how(lab: Lab) -> None:
    """They are reaped by their server, so no zombie is left to a lazy init."""
    child = lab.start(WAIT)
    lab.server.close()
    assert child.exit_code() == -signal.SIGKILL
    assert not psutil.pid_exists(child.pid)


def test_a_forked_owner_has_its_own_server() -> None:
    """The copy neither uses nor ends the server of the original."""
    server = shared_server()
    assert server is shared_server()
    server.probe(sys.executable)
    pid = server.pid
    read, write = os.pipe()
    copy = os.fork()
    if copy == 0:
        with contextlib.suppress(OSError):
            server.probe(sys.executable)
            os.write(write, str(server.pid).encode())
            server.close()
        os._exit(0)
    os.close(write)
    theirs = int(os.read(read, 100))
    os.close(read)
    os.waitpid(copy, 0)
    assert theirs != pid
    assert pid is not None
    assert is_running(pid)
    assert not is_running(theirs)
    server.close()


def test_probe_measures_every_layer() -> None:
    """Each layer by name; the required ones are there, or no test here could pass."""
    probed = probe()
    assert set(probed) == set(LAYERS)
    assert all(probed[layer] == ACTIVE for layer in REQUIRED)
