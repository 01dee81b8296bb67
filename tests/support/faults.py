"""Makes the n-th call of one kind fail that isoscan makes to the operating system."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from isoscan.sandbox.linux.client import ForkServer

#: What can be made to fail: by name, where the function is found.
TARGETS: dict[str, tuple[tuple[Any, str], ...]] = {
    "read": ((os, "read"),),
    "recv_into": ((socket.socket, "recv_into"),),
    "pipe": ((os, "pipe"),),
    "socketpair": ((socket, "socketpair"),),
    "open_descriptor": ((os, "open"),),
    "open_file": ((builtins, "open"), (io, "open")),
    "sendmsg": ((socket.socket, "sendmsg"),),
    "recvmsg": ((socket.socket, "recvmsg"),),
    "recv": ((socket.socket, "recv"),),
    "fork_server": ((ForkServer, "_ask"),),
    "prlimit": ((resource, "prlimit"),),
    "fork": ((subprocess, "_fork_exec"),),
}
ERRORS = tuple(
    getattr(errno, name) for name in ("EINTR", "EAGAIN", "EPIPE", "ENOMEM", "EMFILE", "ENOSPC", "EIO")
)
#: How far up the stack isoscan's own frame may be, with only libraries between.
_DEPTH = 12


class Fault:
    """One failure to come: of the `number`-th call, with `error`."""

    def __init__(self, target: str, number: int, error: int) -> None:
        self.target = target
        self.number = number
        self.error = error
        self.calls = 0

    def __repr__(self) -> str:
        return f"{self.target} no. {self.number}: {errno.errorcode[self.error]}"

    @property
    def has_struck(self) -> bool:
        """Whether there were as many calls."""
        return self.calls >= self.number

    def strike(self) -> None:
        """A call is made: raises `OSError` when it is the one."""
        if is_ours(sys._getframe(2), self.target):
            self.calls += 1
            if self.calls == self.number:
                raise OSError(self.error, os.strerror(self.error))


def is_ours(frame: Any, target: str) -> bool:
    """Whether isoscan made the call, itself or through a library."""
    if target == "read" and frame.f_globals.get("__name__") == "subprocess":
        return False  # of a pipe between Python and the child it forked: cannot fail, and nobody could cope
    for _ in range(_DEPTH):
        if frame is None:
            return False
        module = frame.f_globals.get("__name__", "")
        if module.startswith("isoscan."):
            return True
        if module.startswith(("asyncio", "pytest", "_pytest", "support", "importlib")):
            return False
        frame = frame.f_back
    return False


def _failing(original: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        fault.strike()
        return original(*args, **options)

    return call


@contextlib.contextmanager
def failing(fault: Fault) -> Iterator[None]:
    """While it lasts, the call fails."""
    with contextlib.ExitStack() as stack:
        for owner, name in TARGETS[fault.target]:
            stack.enter_context(patch.object(owner, name, _failing(getattr(owner, name), fault)))
        yield
