"""The life of a forked child: lock down, wait for an order, become the program."""

from __future__ import annotations

import _socket
import ctypes
import errno
import fcntl
import os
from typing import NamedTuple, NoReturn

from . import canaries, lockdown, privileges, seccomp, wire

_FAILED = 127
_ASIDE_FD = 32
_ENCODING = ("utf-8", "surrogateescape")


class Order(NamedTuple):
    """What a child is to become. Status pipe, standard streams and files travel with it."""

    command: list[bytes]
    environment: dict[bytes, bytes]
    is_strict: bool


class Report(NamedTuple):
    """What a child wrote before its program began, or instead of that."""

    layers: lockdown.Layers
    failure: tuple[int, str] | None


def live(libc: ctypes.CDLL, plan: lockdown.Plan, binary_fd: int, orders: _socket.socket) -> NoReturn:
    """Never returns: becomes the program of its order, or says why not and ends.

    All but the probe's attempts happens before the order comes, so that a child forked
    ahead has only its exec left to do.
    """
    status_fd = -1
    try:
        # A session of its own: a group leader cannot leave its group, so one signal reaches it
        # always, and no terminal is near.
        os.setsid()
        privileges.give_way()
        os.umask(0o077)
        os.chdir("/")
        if binary_fd != seccomp.EXEC_FD:
            os.dup2(binary_fd, seccomp.EXEC_FD, inheritable=False)
        layers: lockdown.Layers = {}
        lockdown.lock_down(libc, plan, layers)
        if plan.is_probe:
            canaries.try_before_filter(libc, layers)
        lockdown.filter_calls(libc, plan, layers)
        message = wire.receive(orders)
        if message is not None:
            status_fd = message.fds[0]
            _become(libc, plan, layers, Order(*message.value), message.fds)
    except BaseException as error:  # noqa: BLE001  # whatever it is, this copy of the server must end
        if status_fd >= 0:
            code = (error.errno if isinstance(error, OSError) else None) or errno.EIO
            text = (error.strerror if isinstance(error, OSError) else None) or repr(error)
            os.write(status_fd, f"!={code} {' '.join(text.split())}\n".encode(*_ENCODING))
    finally:
        os._exit(_FAILED)


def _become(
    libc: ctypes.CDLL, plan: lockdown.Plan, layers: lockdown.Layers, order: Order, fds: list[int]
) -> None:
    # First out of the way of the numbers they are to have, as one may hold another's.
    status_fd, *streams = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ASIDE_FD) for fd in fds]
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    if plan.is_probe:
        canaries.try_under_filter(libc, layers)
    os.write(status_fd, "".join(f"{name}={text}\n" for name, text in layers.items()).encode(*_ENCODING))
    is_refused = order.is_strict and lockdown.missing_required(layers, plan.confinement)
    if not is_refused and not plan.is_probe:
        os.execve(seccomp.EXEC_FD, order.command, order.environment)  # noqa: S606  # no shell is the point


def read_report(said: bytes | None) -> Report:
    """Understands what came through the status pipe; None is a child that did not finish."""
    layers: lockdown.Layers = {}
    failure = (errno.ETIMEDOUT, "the child did not finish its lockdown") if said is None else None
    for line in (said or b"").decode(*_ENCODING).splitlines():
        name, _, text = line.partition("=")
        if name == "!":
            number, _, reason = text.partition(" ")
            failure = int(number), reason
        else:
            layers[name] = text
    if failure is None and "seccomp" not in layers:
        failure = errno.ECHILD, "the child died during its lockdown"
    return Report(layers, failure)
