"""A child process, however it was started: locked down by the fork server, or plainly.

What both have in common: a pid, an end that is heard of once, a kill that cannot hit
anybody else, and limits the owner sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ..errors import GenerationStartError, SandboxUnavailable
from ..models import SandboxLevel

if sys.platform == "linux":
    import resource

    from .linux import client as linux
    from .linux.privileges import set_session_nice

#: Where a child finds the files it is given as descriptors.
DESCRIPTORS = Path("/dev/fd")
_OPEN_FILES = 64
_EXIT_BYTES = 4
_MAX_FAILED_READS = 100


class Streams(NamedTuple):
    """The child's descriptors; the caller closes its copies."""

    stdin: int
    stdout: int
    stderr: int
    #: Further ones, that the command names as `/dev/fd/3` and following.
    files: tuple[int, ...] = ()


class Child(Protocol):
    """What an owner needs of a child."""

    pid: int
    #: The operating system's layers that hold it, and why each other one does not.
    layers: tuple[str, ...]
    missing: Mapping[str, str]

    def watch(self, on_exit: Callable[[int], None]) -> None:
        """Calls back once when it is reaped, with its exit code (negative: a signal)."""

    def kill(self) -> None:
        """SIGKILL; nothing when it is gone."""

    def end(self) -> None:
        """Kills and reaps one that nobody watches."""

    def limit(self, which: int, limits: tuple[int, int]) -> None:
        """Sets a resource limit. Raises `OSError`."""

    def weigh(self, *, is_light: bool) -> None:
        """Makes it count little beside others that want the processor, or as much as they, where possible."""


def start_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    streams: Streams,
    *,
    sandbox: SandboxLevel,
    readable: tuple[str, ...],
    connect_ports: tuple[int, ...],
) -> Child:
    """Starts a program in its own process group with nothing of ours.

    Raises `GenerationStartError`, or `SandboxUnavailable` when `sandbox` is `strict` and a
    layer it needs is missing here.
    """
    if sys.platform == "linux" and not DESCRIPTORS.is_dir():
        raise GenerationStartError(
            f"{DESCRIPTORS} is missing: a generation opens its runtime there. Is /proc mounted?"
        )
    if sys.platform != "linux" or sandbox == "permissions":
        if sandbox == "strict":
            raise SandboxUnavailable(
                f"sandbox='strict' needs Linux, this is {sys.platform}: use sandbox='permissions'"
            )
        return _PlainChild(command, environment, streams)
    try:
        return _ConfinedChild(command, environment, streams, sandbox == "strict", readable, connect_ports)
    except linux.SandboxUnavailable as error:
        if sandbox == "strict":
            raise SandboxUnavailable(
                f"{error.strerror}: `isoscan doctor` shows what this system has, "
                "sandbox='available' makes do with it"
            ) from error
        return _PlainChild(command, environment, streams, why=error.strerror or str(error))
    except OSError as error:
        raise GenerationStartError(f"cannot start {command[0]}: {error}") from error


def use_fork_server() -> Callable[[], None]:
    """Announces a user of the fork server; the function returned ends that. The last one ends the server."""
    if sys.platform != "linux":
        return lambda: None
    server = linux.shared_server()
    server.acquire()
    return server.release


class _PlainChild:
    """A child of this process, with the limits the kernel lets an owner set from outside."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        streams: Streams,
        *,
        why: str = "not asked for",
    ) -> None:
        try:
            self._popen = subprocess.Popen(
                [_renumbered(word, streams.files) for word in command],
                pass_fds=streams.files,
                stdin=streams.stdin,
                stdout=streams.stdout,
                stderr=streams.stderr,
                cwd="/",
                env=dict(environment),
                process_group=0,
            )
        except OSError as error:
            raise GenerationStartError(f"cannot start {command[0]}: {error}") from error
        self.pid = self._popen.pid
        self.layers: tuple[str, ...] = ()
        self.missing: Mapping[str, str] = {"operating system": why}
        self._pidfd = -1
        if hasattr(os, "pidfd_open"):
            try:
                self._pidfd = os.pidfd_open(self.pid)
            except OSError as error:
                self.kill()
                self._popen.wait()
                raise GenerationStartError(f"cannot watch {command[0]}: {error}") from error
        _forbid_files(self)

    def watch(self, on_exit: Callable[[int], None]) -> None:
        """See `Child`."""
        loop = asyncio.get_running_loop()

        def reap() -> None:
            if self._popen.poll() is not None:
                if self._pidfd >= 0:
                    loop.remove_reader(self._pidfd)
                    os.close(self._pidfd)
                    self._pidfd = -1
                on_exit(self._popen.returncode)

        def wait() -> None:
            self._popen.wait()
            loop.call_soon_threadsafe(reap)

        if self._pidfd >= 0:
            loop.add_reader(self._pidfd, reap)
        else:
            threading.Thread(target=wait, name=f"isoscan-reap-{self.pid}", daemon=True).start()

    def kill(self) -> None:
        """See `Child`; the whole group, should it have got children of its own."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """See `Child`."""
        self.kill()
        self._popen.wait()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def limit(self, which: int, limits: tuple[int, int]) -> None:
        """See `Child`."""
        if sys.platform == "linux":
            resource.prlimit(self.pid, which, limits)

    def weigh(self, *, is_light: bool) -> None:
        """See `Child`; it shares its owner's session, and without privileges a weight never rises again."""


class _ConfinedChild:
    """A child of the fork server, locked down before it ran anything."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        streams: Streams,
        is_strict: bool,
        readable: tuple[str, ...],
        connect_ports: tuple[int, ...],
    ) -> None:
        self._server = linux.shared_server()
        spawned = self._server.spawn(
            command,
            environment,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            files=streams.files,
            confinement=linux.Confinement(readable=readable, connect_ports=connect_ports),
            is_strict=is_strict,
        )
        self.pid = spawned.pid
        self.layers = spawned.layers
        self.missing = spawned.missing
        self._pidfd = spawned.pidfd
        self._exit_fd = spawned.exit_fd
        self._failed_reads = 0
        os.set_blocking(self._exit_fd, False)

    def watch(self, on_exit: Callable[[int], None]) -> None:
        """See `Child`."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            try:
                status = os.read(self._exit_fd, _EXIT_BYTES)
            except OSError:
                # Asked again at once, as the pipe stays readable; not for ever, should it stay broken.
                self._failed_reads += 1
                if self._failed_reads < _MAX_FAILED_READS:
                    return
                self.kill()
                status = b""
            loop.remove_reader(self._exit_fd)
            self._close()
            # An end without a status: the fork server died, and the kernel killed the child with it.
            on_exit(int.from_bytes(status, "little", signed=True) if status else -signal.SIGKILL)

        loop.add_reader(self._exit_fd, read)

    def kill(self) -> None:
        """See `Child`; by its pidfd, as another may have its pid once the fork server reaped it."""
        if self._exit_fd < 0:
            return
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """See `Child`."""
        self.kill()
        os.set_blocking(self._exit_fd, True)
        os.read(self._exit_fd, _EXIT_BYTES)
        self._close()

    def _close(self) -> None:
        for fd in (self._exit_fd, self._pidfd):
            if fd >= 0:
                os.close(fd)
        self._exit_fd = self._pidfd = -1

    def limit(self, which: int, limits: tuple[int, int]) -> None:
        """See `Child`."""
        self._server.limit(self.pid, which, limits)

    def weigh(self, *, is_light: bool) -> None:
        """See `Child`."""
        if self._exit_fd >= 0:
            set_session_nice(self.pid, is_light=is_light)


def _renumbered(word: str, files: tuple[int, ...]) -> str:
    """A word of the command with the numbers the descriptors have here, where they cannot be changed."""
    return re.sub(r"/dev/fd/(\d+)$", lambda match: f"/dev/fd/{files[int(match[1]) - 3]}", word)


def _forbid_files(child: Child) -> None:
    """No core file with secrets, no file written, few descriptors (Linux)."""
    if sys.platform == "linux":
        for which, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
            (resource.RLIMIT_MEMLOCK, 0),
        ):
            with contextlib.suppress(OSError):
                child.limit(which, (value, value))
