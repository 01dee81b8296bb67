"""What a process may do by who it is: user, capabilities, resource limits, its parent's death."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
from collections.abc import Sequence

from .seccomp import EXEC_FD

#: The user and group a child of root becomes: they own nothing, and exist in every user namespace.
NOBODY = 65534

#: Weighs a sixth of an ordinary session.
_SESSION_NICE = "8"
#: Half of that: enough not to starve on a busy machine before its time is up.
_LIGHT_NICE = "11"
_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = {"CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
_CAP_SETPCAP = 8
_LAST_CAPABILITY = 63


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityWords(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def set_limits() -> None:
    """No core file with secrets, no file written, no memory locked, few descriptors."""
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NOFILE, EXEC_FD),
    ):
        _, hard = resource.getrlimit(limit)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(limit, (value, value))


def give_way() -> None:
    """A session of its own would weigh as much as the owner's whole session where the scheduler groups them.

    Then a handful of generations would leave their owner, that serves them all, no time.
    """
    set_session_nice(os.getpid(), is_light=False)


def set_session_nice(pid: int, *, is_light: bool) -> None:
    """Weighs a process that leads a session of its own; a value above 0 may be lowered again by anybody."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as file:  # noqa: PTH123  # before the fork server imports more
        file.write(_LIGHT_NICE if is_light else _SESSION_NICE)


def offer_to_oom_killer() -> None:
    """When memory runs out the kernel takes this process first. Raises `OSError`."""
    fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"1000")
    finally:
        os.close(fd)


def become_nobody(libc: ctypes.CDLL, paths: Sequence[str] | None) -> None:
    """Changes to a user that owns nothing, if it can read `paths` and execute `EXEC_FD`
    (`None`: it is known to).

    Raises `OSError` with the reason when that is not possible or leaves the owner unable
    to signal its child; the process is then the user it was.
    """
    if os.geteuid() != 0:
        raise OSError(errno.EPERM, "not started as root: the child stays the owner's user")
    held = effective_capabilities(libc)
    missing = [name for name, bit in _CAPABILITIES.items() if not held >> bit & 1]
    if missing:
        raise OSError(errno.EPERM, f"root without {', '.join(missing)}")
    os.setgroups([])
    if paths is not None:
        try:
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
            _check_reach(paths)
        finally:
            os.seteuid(0)
            os.setegid(0)
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _check_reach(paths: Sequence[str]) -> None:
    for path in paths:
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise OSError(errno.EACCES, f"user {NOBODY} cannot read {path}: {error.strerror}") from error
    if os.fstat(EXEC_FD).st_mode & 0o5 != 0o5:
        raise OSError(errno.EACCES, f"user {NOBODY} may not execute the binary")


def close_way_back(libc: ctypes.CDLL) -> None:
    """Keeps an exec from giving capabilities back; before the change of user, which ends the right to.

    Without that right no_new_privs alone sees to it.
    """
    if effective_capabilities(libc) >> _CAP_SETPCAP & 1:
        for capability in range(_LAST_CAPABILITY + 1):
            if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                break


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Gives up every capability there is. Raises `OSError`."""
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = _CapabilityHeader(_CAPABILITY_VERSION, 0)
    words = (_CapabilityWords * 2)()
    if libc.capset(ctypes.byref(header), words) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def effective_capabilities(libc: ctypes.CDLL) -> int:
    """The capabilities in force, one bit each. Raises `OSError`."""
    header = _CapabilityHeader(_CAPABILITY_VERSION, 0)
    words = (_CapabilityWords * 2)()
    if libc.capget(ctypes.byref(header), words) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be read")
    return int(words[0].effective) | int(words[1].effective) << 32


def forbid_new_privileges(libc: ctypes.CDLL) -> None:
    """No exec gives more than this process has. Raises `OSError`."""
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")


def die_with(libc: ctypes.CDLL, parent_pid: int) -> None:
    """SIGKILL when the parent is gone. A change of user clears it, so that comes before.

    Raises `OSError`, also when the parent is gone already.
    """
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the parent's death cannot be watched")
    if os.getppid() != parent_pid:
        raise OSError(errno.ESRCH, "the fork server is gone")


def limit_as_nobody(pid: int, which: int, limits: tuple[int, int]) -> None:
    """Sets a limit of a child that runs as `NOBODY`. Raises `OSError`.

    Root without CAP_SYS_RESOURCE may not; a process whose real user is the child's may.
    Its effective user stays root, so the child gains nothing over it meanwhile but the
    right to signal it, which its other layers deny.
    """
    os.setresgid(NOBODY, -1, -1)
    os.setresuid(NOBODY, -1, -1)
    try:
        resource.prlimit(pid, which, limits)
    finally:
        os.setresuid(0, -1, -1)
        os.setresgid(0, -1, -1)
