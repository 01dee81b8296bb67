"""The fork server: has children ready, gives them their orders, reaps, and says how each ended.

A small process of one thread. Forking from it is quick whatever the owner's size, and a
child that dies with its parent thread dies with this process, which dies with its owner.
"""

from __future__ import annotations

import _socket
import contextlib
import ctypes
import errno
import fcntl
import gc
import os
import resource
import select
import signal
import struct
import time
from typing import Any, NamedTuple

from . import landlock, lockdown, privileges, seccomp, wire
from .child import Order, Report, live, read_report

_LOCKDOWN_TIMEOUT_S = 5.0
_KINDS_KEPT = 64
#: Behind the standard streams; and more than any process has.
_FIRST_FD = 3
_MAX_FD = 1 << 20
#: Fork and lockdown cost two milliseconds. The next child is made ahead, of the kind that was
#: asked for last, once nothing was asked for this long.
_SPARE_AFTER_MS = 50
_STATUS = struct.Struct("<i")


class _Kind(NamedTuple):
    """Children of one kind are alike until they get their order.

    `executable` is the binary and what it is linked with; `inodes` are what is behind the
    paths now, so that an upgrade on disk makes another kind.
    """

    executable: tuple[str, ...]
    readable: tuple[str, ...]
    inodes: tuple[tuple[int, int] | None, ...]
    confinement: lockdown.Confinement
    is_probe: bool


class _Answer(NamedTuple):
    """What a request is answered with: a value of marshal's types, and a pidfd or -1."""

    value: tuple[Any, ...]
    pidfd: int = -1


class _Spare(NamedTuple):
    """A forked child that is locked down already, or about to be, and waits for its order."""

    kind: _Kind
    pid: int
    orders: _socket.socket


class Server:
    """State of the fork server: its channel to the owner and its children."""

    def __init__(self, channel_fd: int, owner_pid: int) -> None:
        os.set_inheritable(channel_fd, False)
        self._channel = _socket.socket(fileno=channel_fd)
        self._owner_pid = owner_pid
        self._pid = os.getpid()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._landlock_version = landlock.version(self._libc)
        self._filters = {has_network: _build_filter(has_network) for has_network in (False, True)}
        #: What an unprivileged user was seen to reach.
        self._reachable: set[_Kind] = set()
        #: Child → the pipe on which the owner hears of its end.
        self._children: dict[int, int] = {}
        self._spare: _Spare | None = None
        self._last_kind: _Kind | None = None

    def run(self) -> None:
        """Serves until the owner is gone or closes the channel; no child is left then."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(wake_read, select.POLLIN)
        poll.register(self._channel.fileno(), select.POLLIN)
        owner_fd = -1
        with contextlib.suppress(OSError, AttributeError):
            # A process the owner forked may hold the other end of the channel for longer than it lives.
            owner_fd = os.pidfd_open(self._owner_pid)
            poll.register(owner_fd, select.POLLIN)
        is_serving = os.getppid() == self._owner_pid
        while is_serving:
            kind = self._last_kind if self._spare is None else None
            events = poll.poll(None if kind is None else _SPARE_AFTER_MS)
            if not events and kind is not None:
                self._make_spare(kind)
            for fd, _ in events:
                if fd == wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
                    self._reap()
                elif fd == owner_fd:
                    is_serving = False
                else:
                    is_serving = self._serve() and is_serving
        self._discard_spare()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        self._reap(flags=0)

    def _serve(self) -> bool:
        """Answers one request; False at the end of the channel."""
        try:
            message = wire.receive(self._channel)
        except OSError:
            return False
        if message is None:
            return False
        verb, *arguments = message.value
        try:
            answer = self._limit(*arguments) if verb == "limit" else self._start(message.fds, *arguments)
        except OSError as error:
            answer = _Answer(("error", error.errno or errno.EIO, error.strerror or str(error)))
        finally:
            for fd in message.fds:  # less the one that was kept
                os.close(fd)
        try:
            wire.send(self._channel, answer.value, [answer.pidfd] if answer.pidfd >= 0 else [])
        except OSError:
            return False
        finally:
            if answer.pidfd >= 0:
                os.close(answer.pidfd)
        return True

    def _limit(self, pid: int, which: int, limits: tuple[int, int]) -> _Answer:
        if pid not in self._children:
            raise ProcessLookupError(errno.ESRCH, f"{pid} is no child of the fork server")
        privileges.limit_as_nobody(pid, which, limits)
        return _Answer(("done",))

    # ---- starting ----------------------------------------------------------

    def _start(
        self,
        fds: list[int],
        command: list[bytes],
        environment: dict[bytes, bytes],
        executable: tuple[str, ...],
        confinement: tuple[Any, ...],
        is_strict: bool,
        is_probe: bool,
    ) -> _Answer:
        kind = _kind(executable, lockdown.Confinement(*confinement), is_probe)
        exit_fd = fds.pop()
        try:
            pid, report = self._order(kind, Order(command, environment, is_strict), fds)
            if report.layers.get("uid") == lockdown.ACTIVE:
                if len(self._reachable) >= _KINDS_KEPT:
                    self._reachable.clear()
                self._reachable.add(kind)
            if report.failure is not None:
                return _Answer(("error", *report.failure))
            if is_probe:
                return _Answer(("probed", report.layers))
            missing = lockdown.missing_required(report.layers, kind.confinement)
            if is_strict and missing:
                return _Answer(("missing", "; ".join(missing)))
            self._children[pid], exit_fd = exit_fd, -1
        finally:
            if exit_fd >= 0:
                os.close(exit_fd)
        pidfd = -1
        with contextlib.suppress(OSError, AttributeError):
            pidfd = os.pidfd_open(pid)
        return _Answer(("started", pid, report.layers), pidfd)

    def _order(self, kind: _Kind, order: Order, streams: list[int]) -> tuple[int, Report]:
        """Gives a child its order and waits until its program runs; whatever else comes of it is reaped."""
        if self._spare is not None and self._spare.kind != kind:
            self._discard_spare()
        status_read, status_write = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                spare, self._spare = self._spare or self._fork(kind), None
                with contextlib.closing(spare.orders):
                    wire.send(spare.orders, tuple(order), [status_write, *streams])
            finally:
                os.close(status_write)
            report = read_report(_read_all(status_read, _LOCKDOWN_TIMEOUT_S))
        finally:
            os.close(status_read)
        # Who failed has not told of all its layers.
        is_over = report.failure is not None or kind.is_probe
        if is_over or (order.is_strict and lockdown.missing_required(report.layers, kind.confinement)):
            _kill_and_reap(spare.pid)
        else:
            self._last_kind = kind
        return spare.pid, report

    def _fork(self, kind: _Kind) -> _Spare:
        plan = self._plan(kind)
        with contextlib.ExitStack() as stack:
            binary_fd = os.open(kind.executable[0], os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, binary_fd)
            ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
            stack.callback(theirs.close)
            pid = os.fork()
            if pid == 0:
                # A copy of one would hide from the owner that a child, or this server, is gone; and with
                # many children, their pipes would leave no number below the limit for its own.
                signal.set_wakeup_fd(-1)
                _close_all_but(binary_fd, theirs.fileno())
                orders = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST_FD)
                live(self._libc, plan, binary_fd, _socket.socket(fileno=orders))
        return _Spare(kind, pid, ours)

    def _make_spare(self, kind: _Kind) -> None:
        self._last_kind = None  # one that cannot be made, or does not live, is not tried again and again
        with contextlib.suppress(OSError):
            self._spare = self._fork(kind)

    def _discard_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.orders.close()
            _kill_and_reap(spare.pid)

    def _plan(self, kind: _Kind) -> lockdown.Plan:
        return lockdown.Plan(
            confinement=kind.confinement,
            # Without the binary: it is executed through a descriptor, wherever it lies.
            paths=None if kind in self._reachable else (*kind.executable[1:], *kind.readable),
            parent_pid=self._pid,
            grants=landlock.Grants(
                kind.executable,
                kind.readable,
                kind.confinement.connect_ports,
                has_net="landlock_net" not in kind.confinement.without,
                has_scope="landlock_scope" not in kind.confinement.without,
            ),
            landlock_version=self._landlock_version,
            system_calls=self._filters[bool(kind.confinement.connect_ports)],
            is_probe=kind.is_probe,
        )

    # ---- ending ------------------------------------------------------------

    def _reap(self, flags: int = os.WNOHANG) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, flags)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._spare is not None and pid == self._spare.pid:
                self._spare.orders.close()
                self._spare = None
            exit_fd = self._children.pop(pid, -1)
            if exit_fd >= 0:
                with contextlib.suppress(OSError):
                    os.write(exit_fd, _STATUS.pack(os.waitstatus_to_exitcode(status)))
                os.close(exit_fd)


def _kind(executable: tuple[str, ...], confinement: lockdown.Confinement, is_probe: bool) -> _Kind:
    readable = (*landlock.ALWAYS_READABLE, *confinement.readable)
    if confinement.connect_ports:
        readable += landlock.network_files(executable)
    return _Kind(executable, readable, landlock.identity((*executable, *readable)), confinement, is_probe)


def _kill_and_reap(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _close_all_but(*kept: int) -> None:
    """Closes every descriptor above the standard streams but these."""
    first = _FIRST_FD
    for fd in sorted(kept):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, _MAX_FD)


def _build_filter(has_network: bool) -> seccomp.Filter | OSError:
    try:
        return seccomp.build_filter(os.uname().machine, has_network=has_network)
    except OSError as error:
        return error


def _read_all(fd: int, timeout_s: float) -> bytes | None:
    """Everything up to the end of a pipe, or None when that does not come in time."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    end_s = time.monotonic() + timeout_s
    parts: list[bytes] = []
    while poll.poll(max(end_s - time.monotonic(), 0) * 1000):
        part = os.read(fd, 65_536)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None


def main(channel_fd: int, owner_pid: int) -> None:
    """Runs the server over an inherited socket."""
    # Ignored signals survive an exec, handlers do not: children begin with the defaults.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    server = Server(channel_fd, owner_pid)
    gc.freeze()  # less memory is touched, and so copied, after a fork
    server.run()
