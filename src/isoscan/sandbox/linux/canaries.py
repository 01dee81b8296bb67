"""Tries, inside a child that was locked down, what each layer must refuse."""

from __future__ import annotations

import _socket
import contextlib
import ctypes
import errno
import os
import resource
import signal
from collections.abc import Callable

from . import privileges
from .lockdown import ACTIVE, Layers

_PR_GET_PDEATHSIG, _PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS = 2, 21, 39
_SECCOMP_FILTER = 2
_REFUSED = (errno.EPERM, errno.EACCES)


def try_before_filter(libc: ctypes.CDLL, layers: Layers) -> None:
    """Everything but the filter, which would refuse the attempts before the layer could."""
    _verify(layers, "limits", _has_limits)
    _verify(layers, "uid", lambda: os.getresuid() == (privileges.NOBODY,) * 3)
    _verify(layers, "capabilities", lambda: privileges.effective_capabilities(libc) == 0)
    _verify(layers, "no_new_privs", lambda: libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
    _verify(layers, "pdeathsig", lambda: _death_signal(libc) == signal.SIGKILL)
    _verify(layers, "landlock_files", lambda: _is_refused(lambda: os.close(os.open("/", os.O_RDONLY))))
    _verify(layers, "landlock_net", lambda: _is_refused(_connect))
    _verify(layers, "landlock_scope", lambda: _is_refused(lambda: os.kill(os.getppid(), 0)))


def try_under_filter(libc: ctypes.CDLL, layers: Layers) -> None:
    """The filter itself."""
    _verify(layers, "seccomp", lambda: libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) == _SECCOMP_FILTER)
    _verify(layers, "seccomp", lambda: _is_refused(lambda: _open_socket(_socket.AF_UNIX).close()))
    _verify(layers, "seccomp", lambda: _is_refused(_fork))


def _verify(layers: Layers, name: str, holds: Callable[[], bool]) -> None:
    if layers.get(name) == ACTIVE and not holds():
        layers[name] = "set up without an error, yet an attempt that it must refuse went through"


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        return error.errno in _REFUSED
    return False


def _has_limits() -> bool:
    none = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK)
    return all(resource.getrlimit(limit) == (0, 0) for limit in none)


def _death_signal(libc: ctypes.CDLL) -> int:
    number = ctypes.c_int(0)
    libc.prctl(_PR_GET_PDEATHSIG, ctypes.byref(number), 0, 0, 0)
    return number.value


def _open_socket(family: int) -> _socket.socket:
    return _socket.socket(family, _socket.SOCK_STREAM, 0)


def _connect() -> None:
    with contextlib.closing(_open_socket(_socket.AF_INET)) as channel:
        channel.connect(("127.0.0.1", 2))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
