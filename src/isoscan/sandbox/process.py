"""One child process and its bytes: spawn, write, read, limits, kill, reap.

Knows nothing of frames. Everything but the spawn runs on the event loop that asked
for it. A process is over when its end of the channel is closed *and* it is reaped;
only then `on_exit` is called, once, after the last byte was read.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from ..errors import GenerationStartError
from ..models import SandboxLevel
from .children import Child, Streams, start_child

if sys.platform == "linux":
    import resource

_SOCKET_BUFFER_BYTES = 1 << 20
_READ_BYTES = 1 << 18
#: What the kernel takes in one call (IOV_MAX of Linux).
_MOST_PARTS = 1024
_STDERR_TAIL_BYTES = 16_384
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33


class Exit(NamedTuple):
    """How a process ended: negative `returncode` is a signal; `stderr` is its tail."""

    returncode: int
    stderr: str


#: Bytes to send, one part behind the other.
Parts = tuple[bytes | memoryview, ...]


class Opened(NamedTuple):
    """A child that was started, and our ends of what leads to it."""

    child: Child
    channel: socket.socket
    stderr_fd: int


async def open_child(
    command: Sequence[str],
    environment: dict[str, str],
    *,
    sandbox: SandboxLevel,
    files: Sequence[Path],
    connect_ports: tuple[int, ...],
) -> Opened:
    """Starts a child on a thread, as that takes milliseconds in which scans go on.

    Raises `GenerationStartError` or `SandboxUnavailable`. Cancelled, it leaves nothing behind.
    """
    loop = asyncio.get_running_loop()
    started: asyncio.Future[Opened] = loop.create_future()

    def start() -> None:
        try:
            opened = _open_child(command, environment, sandbox, files, connect_ports)
        except Exception as error:  # noqa: BLE001  # raised where it is waited for
            loop.call_soon_threadsafe(started.set_exception, error)
        else:
            loop.call_soon_threadsafe(started.set_result, opened)

    threading.Thread(target=start, name="isoscan-spawn", daemon=True).start()
    cancelled: asyncio.CancelledError | None = None
    while not started.done():
        try:
            await asyncio.wait([started])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return started.result()
    if started.exception() is None:
        opened = started.result()
        opened.child.end()
        opened.channel.close()
        os.close(opened.stderr_fd)
    raise cancelled


def _open_child(
    command: Sequence[str],
    environment: dict[str, str],
    sandbox: SandboxLevel,
    files: Sequence[Path],
    connect_ports: tuple[int, ...],
) -> Opened:
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as childs:
        try:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            childs.callback(theirs.close)
            _widen(ours)
            _widen(theirs)
            stderr_fd, stderr_write = os.pipe()
            undo.callback(os.close, stderr_fd)
            childs.callback(os.close, stderr_write)
            opened: list[int] = []
            for path in files:
                opened.append(os.open(path, os.O_RDONLY))
                childs.callback(os.close, opened[-1])
            child = start_child(
                command,
                environment,
                Streams(theirs.fileno(), theirs.fileno(), stderr_write, tuple(opened)),
                sandbox=sandbox,
                readable=tuple(map(str, files)),
                connect_ports=connect_ports,
            )
        except OSError as error:
            raise GenerationStartError(f"cannot start {command[0]}: {error}") from error
        undo.pop_all()
    return Opened(child, ours, stderr_fd)


class Process:
    """A child that talks over one socket. Everything here runs on one event loop."""

    def __init__(
        self,
        opened: Opened,
        *,
        on_data: Callable[[memoryview], None],
        on_exit: Callable[[Exit], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        self._on_exit = on_exit
        #: Waits for room in the socket.
        self._pending: Parts = ()
        self._stderr = bytearray()
        self._is_channel_closed = False
        self._is_reaped = False
        self._returncode = 0
        self._is_muted = False
        self._buffer = bytearray(_READ_BYTES)
        self._view = memoryview(self._buffer)

        self._child, self._socket, self._stderr_fd = opened
        self.pid = self._child.pid
        self.layers, self.missing = self._child.layers, self._child.missing
        self._handle = _handle_of(self.pid)
        self._socket.setblocking(False)
        os.set_blocking(self._stderr_fd, False)
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._loop.add_reader(self._stderr_fd, self._read_stderr)
        self._child.watch(self._reap)

    @property
    def is_over(self) -> bool:
        """Whether the process is reaped and its channel closed."""
        return self._is_reaped and self._is_channel_closed

    def write(self, *parts: bytes) -> None:
        """Sends bytes without blocking; what the kernel does not take waits here."""
        if self._is_channel_closed:
            return
        if self._pending:
            self._pending = (*self._pending, *parts)
            return
        self._pending = self._send(parts)
        if self._pending:
            self._loop.add_writer(self._socket.fileno(), self._flush)

    def kill(self) -> None:
        """SIGKILL, now. Safe to repeat."""
        if not self._is_reaped:
            self._child.kill()

    def mute(self) -> None:
        """Reads on to the end of the channel, but hands out no further byte."""
        self._is_muted = True

    def pause(self) -> None:
        """Reads nothing until `resume`; the child waits once the socket is full."""
        if not self._is_channel_closed:
            self._loop.remove_reader(self._socket.fileno())

    def resume(self) -> None:
        """Reads on."""
        if not self._is_channel_closed:
            self._loop.add_reader(self._socket.fileno(), self._read)

    def rss_bytes(self) -> int | None:
        """Resident memory now; None when the process is gone."""
        if self._handle is None:
            return None
        try:
            return int(self._handle.memory_info().rss)
        except (psutil.Error, OSError):  # an owner short of descriptors cannot look either
            return None

    def waited_s(self) -> float:
        """How long it has been ready to run while others had the processor; 0 where nobody counts that."""
        try:
            with open(f"/proc/{self.pid}/schedstat", "rb") as file:  # noqa: PTH123  # forty times a second
                return int(file.read().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0

    def pss_bytes(self) -> int | None:
        """Resident memory with shared pages divided among their users; None where the system cannot tell."""
        if self._handle is None:
            return None
        try:
            return getattr(self._handle.memory_full_info(), "pss", None)
        except (psutil.Error, OSError):
            return None

    def limit_data(self, memory_bytes: int) -> bool:
        """Bounds what it may allocate from now on, touched or not (Linux); whether that worked.

        What it holds already counts, but half of the limit is always left to it.
        """
        if sys.platform == "linux":
            try:
                budget_bytes = max(memory_bytes - (self.rss_bytes() or 0), memory_bytes // 2)
                limit = _data_bytes(self.pid) + budget_bytes
                self._child.limit(resource.RLIMIT_DATA, (limit, limit))
            except OSError:
                return False
        return True

    def allow_cpu(self, seconds: float) -> None:
        """Lets it use this much more CPU time before the kernel kills it (Linux).

        A dead man's switch: an owner that lives renews it, so a child that loops does
        not outlive an owner that was killed.
        """
        if sys.platform == "linux" and self._handle is not None:
            with contextlib.suppress(OSError, psutil.Error):
                times = self._handle.cpu_times()
                limit = math.ceil(times.user + times.system + seconds)
                self._child.limit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))

    def weigh(self, *, is_light: bool) -> None:
        """Makes it count little beside others that want the processor, or as much as they."""
        if not self._is_reaped:
            self._child.weigh(is_light=is_light)

    def _send(self, parts: Parts) -> Parts:
        """Sends what the socket takes; returns the rest."""
        while parts:
            some, others = parts[:_MOST_PARTS], parts[_MOST_PARTS:]
            try:
                sent = self._socket.sendmsg(some)
            except (BlockingIOError, InterruptedError):
                return parts
            except OSError:
                # The other end is gone, or will never get the rest: reading to the end of file tells more.
                self.kill()
                return ()
            if sent < sum(map(len, some)):
                return (*_behind(some, sent), *others)
            parts = others
        return ()

    def _flush(self) -> None:
        self._pending = self._send(self._pending)
        if not self._pending:
            self._loop.remove_writer(self._socket.fileno())

    def _read(self) -> None:
        try:
            count = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            count = 0
        if count == 0:
            self._close_channel()
        elif not self._is_muted:
            self._on_data(self._view[:count])

    def _close_channel(self) -> None:
        if self._is_channel_closed:
            return
        self._is_channel_closed = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._pending = ()
        self._socket.close()
        self.kill()  # a process without its channel is of no use
        self._finish()

    def _read_stderr(self) -> None:
        try:
            data = os.read(self._stderr_fd, _STDERR_TAIL_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._stderr += data
            del self._stderr[:-_STDERR_TAIL_BYTES]
        else:
            self._close_stderr()

    def _close_stderr(self) -> None:
        if self._stderr_fd >= 0:
            self._loop.remove_reader(self._stderr_fd)
            os.close(self._stderr_fd)
            self._stderr_fd = -1

    def _reap(self, returncode: int) -> None:
        self._is_reaped = True
        self._returncode = returncode
        self._finish()

    def _finish(self) -> None:
        if not self.is_over:
            return
        while self._stderr_fd >= 0:
            before = len(self._stderr), self._stderr_fd
            self._read_stderr()
            if before == (len(self._stderr), self._stderr_fd):
                self._close_stderr()
        stderr = self._stderr.decode("utf-8", "replace")
        self._on_exit(Exit(self._returncode, stderr))


def _behind(parts: Parts, sent: int) -> Iterator[bytes | memoryview]:
    """What is left of some parts after so many bytes."""
    for part in parts:
        if sent < len(part):
            yield memoryview(part)[sent:] if sent > 0 else part
        sent -= len(part)


def _handle_of(pid: int) -> psutil.Process | None:
    """None when it ended at once and is reaped already, or cannot be looked at."""
    try:
        return psutil.Process(pid)
    except (psutil.Error, OSError):
        return None


def _widen(end: socket.socket) -> None:
    """Megabyte buffers; beyond the system's maximum where we may."""
    for plain, forced in ((socket.SO_SNDBUF, _SO_SNDBUFFORCE), (socket.SO_RCVBUF, _SO_RCVBUFFORCE)):
        try:
            if sys.platform == "linux":
                end.setsockopt(socket.SOL_SOCKET, forced, _SOCKET_BUFFER_BYTES)
                continue
        except OSError:
            pass  # not privileged: the plain option below takes what the system allows
        end.setsockopt(socket.SOL_SOCKET, plain, _SOCKET_BUFFER_BYTES)


def _data_bytes(pid: int) -> int:
    """VmData of a process, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/status has no VmData")
