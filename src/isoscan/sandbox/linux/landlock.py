"""Landlock rulesets: which files, TCP ports and signals a process may still reach."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2

_EXECUTE = 1 << 0
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
#: Every right over files, by the version that brought it: what is handled and not granted is denied.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1 << 0, 1 << 1
#: The version from which on a layer exists.
FILES_VERSION, NET_VERSION, SCOPE_VERSION = 1, 4, 6

#: Read by the dynamic loader, by V8's random numbers, and by Deno's TypeScript compiler, which asks
#: libc for the bounds of the main thread's stack and panics without them. Nothing else of /proc, /sys
#: or /etc: Deno starts without.
ALWAYS_READABLE = ("/etc/ld.so.cache", "/dev/urandom")
_OWN_MAPS = "/proc/self/maps"
_NAME_RESOLUTION = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
)
#: glibc before 2.34 loads these when the first name is resolved.
_NAME_LIBRARIES = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathAttributes(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))


class _PortAttributes(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


class Grants(NamedTuple):
    """What a ruleset leaves open; everything else is denied.

    `has_net` and `has_scope` say whether it speaks of TCP ports, and of signals and abstract
    sockets, at all.
    """

    executable: tuple[str, ...]
    readable: tuple[str, ...]
    connect_ports: tuple[int, ...]
    has_net: bool = True
    has_scope: bool = True


def version(libc: ctypes.CDLL) -> int:
    """The kernel's Landlock version; 0 when it has none, or has it switched off."""
    return max(int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)), 0)


def create_ruleset(libc: ctypes.CDLL, grants: Grants) -> int:
    """A descriptor of a ruleset for this very process, as strict as this kernel can make it.

    A path that does not exist is left out: nothing is lost by not granting it.
    Raises `OSError`.
    """
    known = version(libc)
    if known < FILES_VERSION:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock, or it is switched off")
    has_net = grants.has_net and known >= NET_VERSION
    has_scope = grants.has_scope and known >= SCOPE_VERSION
    attributes = _RulesetAttributes(
        files=sum(rights for since, rights in _FILE_RIGHTS.items() if since <= known),
        net=_BIND_TCP | _CONNECT_TCP if has_net else 0,
        scoped=_SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if has_scope else 0,
    )
    # Older kernels know a shorter structure, and take a longer one only when the rest is zero.
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0), "ruleset")
    try:
        for paths, rights in ((grants.executable, _READ_FILE | _EXECUTE), (grants.readable, _READ_FILE)):
            for path in paths:
                _allow_path(libc, ruleset, path, rights)
        _allow_path(libc, ruleset, _OWN_MAPS, _READ_FILE)
        if has_net:
            for port in grants.connect_ports:
                rule = _PortAttributes(_CONNECT_TCP, port)
                added = libc.syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.byref(rule), 0)
                _checked(added, f"port {port}")
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def restrict(libc: ctypes.CDLL, ruleset: int) -> None:
    """Puts this process under a ruleset for good. Needs no_new_privs. Raises `OSError`."""
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0), "the kernel refuses the ruleset")


def network_files(executable: Sequence[str]) -> tuple[str, ...]:
    """What resolving a host name reads. Certificates are not among it: Deno carries its own."""
    folders = dict.fromkeys(path.rpartition("/")[0] for path in executable[1:])
    return (*_NAME_RESOLUTION, *(f"{folder}/{name}" for folder in folders for name in _NAME_LIBRARIES))


def identity(paths: Sequence[str]) -> tuple[tuple[int, int] | None, ...]:
    """Device and inode behind each path: a ruleset holds on to these, not to names."""
    found: list[tuple[int, int] | None] = []
    for path in paths:
        entry = None
        with contextlib.suppress(OSError):
            status = os.stat(path)  # noqa: PTH116  # pathlib is not worth its start-up time here
            entry = (status.st_dev, status.st_ino)
        found.append(entry)
    return tuple(found)


def pin_own_maps() -> None:
    """Leaves a descriptor open that keeps the kernel from forgetting the file the rule was made for.

    /proc makes a new file when it has dropped the old one for want of memory. The descriptor
    survives the exec and can do nothing but name what the process may read anyway.
    """
    with contextlib.suppress(OSError):
        os.set_inheritable(os.open(_OWN_MAPS, os.O_PATH), True)


def _allow_path(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            rights |= _READ_DIR
        rule = _PathAttributes(rights, fd)
        added = libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        _checked(added, path)
    finally:
        os.close(fd)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
