"""Builds the system call filter as a classic BPF program. Pure but for `install`.

A deny-list: everything Deno may do to its own memory, threads and descriptors stays,
everything that reaches another process, a file's state, a socket or the kernel's
settings is refused with an error that libraries cope with.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Sequence
from typing import NamedTuple

from .syscalls import (
    FILES,
    IPC,
    KERNEL,
    MACHINES,
    MEMORY,
    MOUNTS,
    NETWORK,
    NEWEST_KNOWN,
    PROCESSES,
    RULED,
    Machine,
    numbers_of,
)

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_LOAD = 0x20  # A = 32-bit word of the call's description
_AND = 0x54
_JUMP = 0x05
_IF_EQUAL = 0x15
_IF_AT_LEAST = 0x35
_RETURN = 0x06
_NUMBER_AT = 0
_MACHINE_AT = 4
_ARGUMENTS_AT = 16

#: Stands for the child's own process id, which is known only after the fork.
OWN_PID = 0x7FFF_FFFE
#: The descriptor the child is executed from. RLIMIT_NOFILE is this very number, so that once it
#: is closed by the exec nobody can open it again and no second exec passes the filter.
EXEC_FD = 64

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080
_AT_EMPTY_PATH = 0x1000
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_DGRAM, _SOCK_TYPE_MASK = 1, 2, 0xF
_PROTOCOLS = (0, 6, 17)  # the default, TCP, UDP
_MSG_FASTOPEN = 0x20000000
_WRITING = 0o3 | 0o100 | 0o1000  # O_ACCMODE, O_CREAT, O_TRUNC
# Names of threads and mappings, and reads of what the layers have set; nothing that undoes one.
_PRCTL = (2, 3, 15, 16, 21, 23, 39, 0x53564D41)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: no typing into a terminal, no devices.
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# F_SETOWN, F_SETSIG, F_SETOWN_EX (signals to others), F_SETLEASE, F_NOTIFY.
_FCNTL_REFUSED = (8, 10, 15, 1024, 1026)


class Instruction(NamedTuple):
    """One BPF instruction; jumps count from the instruction after it."""

    code: int
    if_true: int
    if_false: int
    value: int


class Test(NamedTuple):
    """Holds when (32-bit word of the arguments & mask) is one of `values`, or none of them."""

    word: int
    values: tuple[int, ...]
    mask: int = 0xFFFF_FFFF
    is_in: bool = True


class Rule(NamedTuple):
    """A call that is allowed when all tests hold, else refused with `error`."""

    tests: tuple[Test, ...]
    error: int = errno.EPERM


class Filter(NamedTuple):
    """A program and where in its bytes the child's process id belongs."""

    code: bytes
    pid_offsets: tuple[int, ...]

    def for_pid(self, pid: int) -> bytearray:
        """The program for the process with this id."""
        code = bytearray(self.code)
        for offset in self.pid_offsets:
            struct.pack_into("<I", code, offset, pid)
        return code


def _argument(index: int) -> int:
    """The low word of an argument; both machines are little-endian."""
    return 2 * index


#: What is decided by arguments. Kernel and libc take these as 32-bit, except for prlimit64's pointer.
_RULES = {
    "clone": Rule((Test(_argument(0), (_CLONE_THREAD,), _CLONE_THREAD | _CLONE_NAMESPACES),)),
    "execveat": Rule((Test(_argument(0), (EXEC_FD,)), Test(_argument(4), (_AT_EMPTY_PATH,)))),
    # abort() raises its signal this way, and how a generation ended is told by it.
    "tgkill": Rule((Test(_argument(0), (OWN_PID,)),)),
    "prlimit64": Rule((Test(_argument(0), (0,)), Test(_argument(2), (0,)), Test(_argument(2) + 1, (0,)))),
    "prctl": Rule((Test(_argument(0), _PRCTL),), errno.EINVAL),
    "socketpair": Rule((Test(_argument(0), (_AF_UNIX,)),)),
    "open": Rule((Test(_argument(1), (0,), _WRITING),), errno.EACCES),
    "openat": Rule((Test(_argument(2), (0,), _WRITING),), errno.EACCES),
    "ioctl": Rule((Test(_argument(1), _IOCTL),), errno.ENOTTY),
    "fcntl": Rule((Test(_argument(1), _FCNTL_REFUSED, is_in=False),)),
    # A connection that begins with data is none to Landlock's eyes.
    "sendto": Rule((Test(_argument(3), (0,), _MSG_FASTOPEN),)),
    "sendmsg": Rule((Test(_argument(2), (0,), _MSG_FASTOPEN),)),
    "sendmmsg": Rule((Test(_argument(3), (0,), _MSG_FASTOPEN),)),
}
_NETWORK_RULES = {
    "socket": Rule(
        (
            Test(_argument(0), (_AF_INET, _AF_INET6)),
            Test(_argument(1), (_SOCK_STREAM, _SOCK_DGRAM), _SOCK_TYPE_MASK),
            # Other protocols over the same sockets (MPTCP, SCTP) are not Landlock's TCP.
            Test(_argument(2), _PROTOCOLS),
        )
    ),
    # Landlock decides to which ports. Resolvers bind their UDP socket.
    "connect": Rule(()),
    "bind": Rule(()),
}
#: Callers fall back when these do not exist, but give up when they are forbidden.
_ABSENT = frozenset({"clone3", "openat2", "io_uring_setup", "memfd_secret", "process_madvise"})


def rules_for(machine: Machine, *, has_network: bool) -> dict[int, Rule | int]:
    """Call number → the rule for it, or the error it is refused with. What is absent is allowed."""
    rules: dict[int, Rule | int] = {}
    for table in (NETWORK, PROCESSES, MEMORY, FILES, MOUNTS, IPC, KERNEL, RULED):
        for name, number in numbers_of(table, machine).items():
            rules[number] = errno.ENOSYS if name in _ABSENT else errno.EPERM
            if name in _RULES:
                rules[number] = _RULES[name]
            elif has_network and name in _NETWORK_RULES:
                rules[number] = _NETWORK_RULES[name]
    return rules


def build_filter(machine_name: str, *, has_network: bool) -> Filter:
    """The filter for a machine (`os.uname().machine`).

    Raises `OSError` (ENOSYS) for a machine whose numbers are not known.
    """
    machine = MACHINES.get(machine_name)
    if machine is None:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine_name}")
    program = _assemble(machine, rules_for(machine, has_network=has_network))
    pid_offsets = tuple(
        8 * index + 4
        for index, instruction in enumerate(program)
        if instruction.code == _IF_EQUAL and instruction.value == OWN_PID
    )
    return Filter(b"".join(struct.pack("<HBBI", *instruction) for instruction in program), pid_offsets)


def _assemble(machine: Machine, rules: dict[int, Rule | int]) -> list[Instruction]:
    leaves: list[tuple[int, list[Instruction]]] = []
    for number in range(NEWEST_KNOWN + 1):
        block = _block(rules.get(number, Rule(())))
        if not leaves or leaves[-1][1] != block:
            leaves.append((number, block))
    leaves.append((NEWEST_KNOWN + 1, _block(errno.ENOSYS)))
    if machine.foreign_from is not None:
        leaves.append((machine.foreign_from, [_return(KILL_PROCESS)]))
    return [
        Instruction(_LOAD, 0, 0, _MACHINE_AT),
        Instruction(_IF_EQUAL, 1, 0, machine.audit_arch),
        _return(KILL_PROCESS),
        Instruction(_LOAD, 0, 0, _NUMBER_AT),
        *_search(leaves),
    ]


def _search(leaves: Sequence[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """A binary search for the leaf with the greatest start that is not above the number in A.

    The kernel runs the filter once for every call number when it is installed, so depth
    counts: a plain chain of comparisons made that slower.
    """
    if len(leaves) == 1:
        return leaves[0][1]
    middle = len(leaves) // 2
    lower, upper = _search(leaves[:middle]), _search(leaves[middle:])
    # A conditional jump reaches 255 instructions, a plain one any distance.
    return [
        Instruction(_IF_AT_LEAST, 0, 1, leaves[middle][0]),
        Instruction(_JUMP, 0, 0, len(lower)),
        *lower,
        *upper,
    ]


def _block(rule: Rule | int) -> list[Instruction]:
    if isinstance(rule, int):
        return [_return(_ERRNO | rule)]
    block: list[Instruction] = []
    for test in rule.tests:
        block.append(Instruction(_LOAD, 0, 0, _ARGUMENTS_AT + 4 * test.word))
        if test.mask != 0xFFFF_FFFF:
            block.append(Instruction(_AND, 0, 0, test.mask))
        count = len(test.values)
        for index, value in enumerate(test.values):
            # Behind the comparisons stands the refusal, and behind that the next test.
            behind = count - index - 1
            if test.is_in:
                block.append(Instruction(_IF_EQUAL, behind + 1, 0, value))
            else:
                is_last = behind == 0
                block.append(Instruction(_IF_EQUAL, behind, 1 if is_last else 0, value))
        block.append(_return(_ERRNO | rule.error))
    block.append(_return(ALLOW))
    return block


def _return(verdict: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, verdict)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


_PR_SET_SECCOMP = 22
_MODE_FILTER = 2


def install(libc: ctypes.CDLL, program: bytearray) -> None:
    """Puts this process under the filter for good. Needs no_new_privs. Raises `OSError`."""
    code = (ctypes.c_char * len(program)).from_buffer(program)
    description = _Program(len(program) // 8, ctypes.addressof(code))
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(description), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses the filter")
