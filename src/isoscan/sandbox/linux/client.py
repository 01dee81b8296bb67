"""The owner's side of the fork server: starts it, asks it for children, ends it.

No asyncio here: a request blocks for the millisecond or two that a child needs to be
locked down and executed.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import os
import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import wire
from .lockdown import ACTIVE, Confinement, Layers

__all__ = ["Confinement", "ForkServer", "SandboxUnavailable", "Spawned", "probe", "shared_server"]

_TIMEOUT_S = 10.0
#: The server imports this folder as a package of its own, without the one around it.
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from linux.server import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)
#: All that a Python needs of the environment to start; the owner's secrets are none of it.
_KEPT_VARIABLES = ("LD_LIBRARY_PATH",)
_LOADED_OBJECT = re.compile(r"^\s(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


class SandboxUnavailable(OSError):
    """A layer that `strict` requires is missing on this machine, or the fork server cannot run."""


class Spawned(NamedTuple):
    """A child that runs locked down. Its two descriptors belong to the caller.

    `exit_fd` gives four bytes when the child is reaped, its exit code as a little-endian
    32-bit integer (negative: the signal), then ends. An end without data means that the
    server died, and the child with it. `pidfd` is -1 where the kernel has none.
    """

    pid: int
    pidfd: int
    exit_fd: int
    #: Names of the active layers, and why each other one is not.
    layers: tuple[str, ...]
    missing: Mapping[str, str]


class ForkServer:
    """One server process, started at the first request and again when it has died.

    Safe for threads. Users that want it gone with them call `acquire` and `release`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._users = 0

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it does not run."""
        process = self._process
        return None if process is None else process.pid

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        files: Sequence[int] = (),
        confinement: Confinement,
        is_strict: bool,
    ) -> Spawned:
        """Starts `command` locked down; its program must be an absolute path.

        `files` are its descriptors 3 and following.

        Raises `SandboxUnavailable` when `is_strict` and a required layer is missing, or when
        no server can be started; another `OSError` when the program cannot be executed.
        """
        exit_read, exit_write = os.pipe()
        try:
            try:
                fds = (stdin, stdout, stderr, *files, exit_write)
                answer = self._ask(_start_request(command, environment, confinement, is_strict), fds)
            finally:
                os.close(exit_write)
            _, pid, layers = answer.value
        except BaseException:
            os.close(exit_read)
            raise
        active = tuple(name for name, state in layers.items() if state == ACTIVE)
        missing = {name: state for name, state in layers.items() if state != ACTIVE}
        return Spawned(pid, answer.fds[0] if answer.fds else -1, exit_read, active, missing)

    def limit(self, pid: int, which: int, limits: tuple[int, int]) -> None:
        """Sets a resource limit of a living child, through the server where the owner may not.

        Root without CAP_SYS_RESOURCE may not limit a process of another user. Raises `OSError`.
        """
        try:
            resource.prlimit(pid, which, limits)
        except PermissionError:
            self._ask(("limit", pid, which, limits))

    def probe(self, program: str) -> Layers:
        """Each layer: "active", or why it is not, tried out in a throw-away child. Raises `OSError`."""
        confinement = Confinement(connect_ports=(1,))
        request = _start_request([program], {}, confinement, False, is_probe=True)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a device, not a path of anyone's
            answer = self._ask(request, [nothing.fileno()] * 4)
        layers: Layers = answer.value[1]
        return layers

    def acquire(self) -> None:
        """Announces a user."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """A user is done; with the last one the server ends."""
        with self._lock:
            self._users -= 1
            if self._users <= 0:
                self._users = 0
                self._end()

    def close(self) -> None:
        """Ends the server and every child, and waits for it. A later request starts a new one."""
        with self._lock:
            self._end()

    def _ask(self, request: object, fds: Sequence[int] = ()) -> wire.Message:
        with self._lock:
            # An idle server that died shows only now. What it did with this request died with it.
            for is_last in (False, True):
                channel = self._channel or self._begin()
                try:
                    wire.send(channel, request, fds)
                    answer = wire.receive(channel)
                except (BrokenPipeError, ConnectionError):
                    answer = None
                except BaseException:
                    self._end()  # cut off in the middle: nothing further would match its request
                    raise
                if answer is not None:
                    return _accepted(answer)
                # Killed, not closed: told to end, it would write of a child's end into the pipe that
                # the next attempt gives to another child.
                if self._process is not None:
                    self._process.kill()
                why = self._end()
                if is_last:
                    raise SandboxUnavailable(errno.ECHILD, f"the fork server died twice ({why})")
            raise AssertionError("unreachable")

    def _begin(self) -> socket.socket:
        if not sys.executable:
            raise SandboxUnavailable(errno.ENOENT, "sys.executable is empty: no Python for the fork server")
        ours, theirs = socket.socketpair()
        folder = Path(__file__).parent.parent
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        arguments = ["-c", _START, str(folder), str(theirs.fileno()), str(os.getpid())]
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    cwd="/",
                    env=environment,
                )
        except OSError as error:
            ours.close()
            raise SandboxUnavailable(error.errno, f"the fork server cannot start: {error}") from error
        ours.settimeout(_TIMEOUT_S)
        self._channel = ours
        return ours

    def _end(self) -> str:
        channel, self._channel = self._channel, None
        process, self._process = self._process, None
        if channel is not None:
            channel.close()
        if process is None:
            return "not running"
        try:
            process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return f"exit code {process.returncode}"

    def _forget(self) -> None:
        """In a forked copy of the owner: the server is not ours, and the lock may be held by nobody."""
        self._lock = threading.Lock()
        self._users = 0
        channel, self._channel = self._channel, None
        process, self._process = self._process, None
        if channel is not None:
            channel.close()
        if process is not None:
            process.returncode = 0  # it is the parent's to wait for


def _start_request(
    command: Sequence[str],
    environment: Mapping[str, str],
    confinement: Confinement,
    is_strict: bool,
    *,
    is_probe: bool = False,
) -> tuple[Any, ...]:
    status = Path(command[0]).stat()
    return (
        "start",
        [os.fsencode(argument) for argument in command],
        {os.fsencode(name): os.fsencode(value) for name, value in environment.items()},
        _executable(command[0], (status.st_dev, status.st_ino, status.st_mtime_ns)),
        tuple(confinement),
        is_strict,
        is_probe,
    )


def _accepted(answer: wire.Message) -> wire.Message:
    kind, *details = answer.value
    if kind == "missing":
        raise SandboxUnavailable(errno.ENOSYS, f"strict sandbox: {details[0]}")
    if kind == "error":
        raise OSError(*details)
    return answer


@functools.lru_cache(maxsize=8)
def _executable(program: str, _identity: tuple[int, int, int]) -> tuple[str, ...]:
    """The program and the shared objects it is linked with, the loader included, as the loader finds them.

    Where the loader cannot be asked (a static binary, musl), the folders of libraries.
    """
    try:
        shown = subprocess.run(
            [program, "--version"],
            env={"LD_TRACE_LOADED_OBJECTS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        shown = ""
    objects = _LOADED_OBJECT.findall(shown) or ["/lib", "/lib64", "/usr/lib", "/usr/lib64"]
    return (os.path.realpath(program), *objects)


def probe(program: str | None = None) -> Layers:
    """Each layer → "active" or the reason why it is missing here.

    Measured in a child that is locked down and then tries what each layer must refuse.
    `program` (default: this Python) matters to the layer "uid" only: whether an
    unprivileged user could execute it.
    """
    server = ForkServer()
    try:
        return server.probe(program or sys.executable)
    finally:
        server.close()


_shared: ForkServer | None = None
_shared_lock = threading.Lock()


def shared_server() -> ForkServer:
    """The server of this process; ends with the interpreter at the latest."""
    global _shared  # one per process is the point
    with _shared_lock:
        if _shared is None:
            _shared = ForkServer()
            atexit.register(_shared.close)
            os.register_at_fork(after_in_child=_forget_shared)
        return _shared


def _forget_shared() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    with contextlib.suppress(OSError):
        if _shared is not None:
            _shared._forget()
