"""The system call filter, run by a small interpreter of its program."""

from __future__ import annotations

import errno
import struct

import pytest

from isoscan.sandbox.linux.seccomp import ALLOW, EXEC_FD, KILL_PROCESS, Filter, build_filter
from isoscan.sandbox.linux.syscalls import (
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
    numbers_of,
)

PID = 4321
TABLES = (NETWORK, PROCESSES, MEMORY, FILES, MOUNTS, IPC, KERNEL, RULED)
CLONE_THREAD = 0x00010000
CLONE_NEWUSER = 0x10000000
#: What glibc passes for a new thread.
THREAD_FLAGS = 0x3D0F00


def interpret(program: bytes, description: bytes) -> int:
    """The verdict of a classic BPF program over the kernel's description of a call."""
    instructions = list(struct.iter_unpack("<HBBI", program))
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = instructions[position]
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", description, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x05:
            position += value
        elif code == 0x15:
            position += if_true if accumulator == value else if_false
        elif code == 0x35:
            position += if_true if accumulator >= value else if_false
        elif code == 0x06:
            return int(value)
        else:
            raise AssertionError(f"unknown instruction {code:#x}")


class Kernel:
    """A machine with the filter on; `call` gives "allow", "kill" or the error's name."""

    def __init__(self, machine: str, *, has_network: bool = False) -> None:
        self.machine = MACHINES[machine]
        self.filter: Filter = build_filter(machine, has_network=has_network)
        self.program = bytes(self.filter.for_pid(PID))
        self.numbers = {name: n for table in TABLES for name, n in numbers_of(table, self.machine).items()}

    def call(self, name: str | int, *arguments: int, audit_arch: int | None = None) -> str:
        number = self.numbers[name] if isinstance(name, str) else name
        padded = [*arguments, *[0] * (6 - len(arguments))]
        arch = self.machine.audit_arch if audit_arch is None else audit_arch
        verdict = interpret(self.program, struct.pack("<IIQ6Q", number, arch, 0, *padded))
        if verdict == ALLOW:
            return "allow"
        if verdict == KILL_PROCESS:
            return "kill"
        assert verdict & 0xFFFF0000 == 0x00050000
        return errno.errorcode[verdict & 0xFFFF]


@pytest.fixture(params=sorted(MACHINES))
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """Each machine without network."""
    return Kernel(request.param)


@pytest.fixture(params=sorted(MACHINES))
def network_kernel(request: pytest.FixtureRequest) -> Kernel:
    """Each machine with network."""
    return Kernel(request.param, has_network=True)


def test_every_call_of_the_plain_tables_is_refused(kernel: Kernel) -> None:
    """No call in a table of refused ones slips through the search."""
    for table in TABLES[:-1]:
        for name in numbers_of(table, kernel.machine):
            assert kernel.call(name) in {"EPERM", "ENOSYS"}, name


def test_calls_outside_the_tables_are_allowed(kernel: Kernel) -> None:
    """A deny-list refuses nothing else, up to the newest call it knows."""
    listed = set(kernel.numbers.values())
    for number in range(NEWEST_KNOWN + 1):
        if number not in listed:
            assert kernel.call(number) == "allow", number


@pytest.mark.parametrize("beyond", [1, 100, 10_000])
def test_calls_newer_than_the_table_do_not_exist(kernel: Kernel, beyond: int) -> None:
    """What a later kernel brings is not reachable."""
    assert kernel.call(NEWEST_KNOWN + beyond) == "ENOSYS"


def test_a_foreign_architecture_kills(kernel: Kernel) -> None:
    """Numbers mean other calls there."""
    assert kernel.call(0, audit_arch=0x40000003) == "kill"


def test_x32_calls_kill() -> None:
    """The second numbering of x86-64 would pass every comparison."""
    kernel = Kernel("x86_64")
    assert kernel.call(0x40000000 + 41) == "kill"
    assert kernel.call(0xFFFFFFFF) == "kill"


def test_threads_may_be_made_but_not_processes(kernel: Kernel) -> None:
    """A clone is allowed only as a thread, and without a namespace."""
    assert kernel.call("clone", THREAD_FLAGS) == "allow"
    assert kernel.call("clone", 17) == "EPERM"
    assert kernel.call("clone", CLONE_THREAD | CLONE_NEWUSER) == "EPERM"
    assert kernel.call("clone3") == "ENOSYS"


def test_only_the_prepared_descriptor_may_be_executed(kernel: Kernel) -> None:
    """By descriptor, without a path."""
    assert kernel.call("execveat", EXEC_FD, 0, 0, 0, 0x1000) == "allow"
    assert kernel.call("execveat", EXEC_FD, 0, 0, 0, 0) == "EPERM"
    assert kernel.call("execveat", EXEC_FD - 1, 0, 0, 0, 0x1000) == "EPERM"
    assert kernel.call("execve") == "EPERM"


def test_signals_go_to_itself_only(kernel: Kernel) -> None:
    """`abort()` works, and signalling anybody else does not."""
    assert kernel.call("tgkill", PID, PID, 6) == "allow"
    assert kernel.call("tgkill", PID + 1, PID + 1, 6) == "EPERM"
    assert kernel.call("kill", PID, 9) == "EPERM"


def test_limits_may_be_read_but_not_set(kernel: Kernel) -> None:
    """The new limit is a pointer: both of its words are looked at."""
    assert kernel.call("prlimit64", 0, 7, 0, 0x7FFF0000) == "allow"
    assert kernel.call("prlimit64", 0, 7, 0x1000, 0) == "EPERM"
    assert kernel.call("prlimit64", 0, 7, 0x7FFF_0000_0000, 0) == "EPERM"
    assert kernel.call("prlimit64", 1, 7, 0, 0x7FFF0000) == "EPERM"


def test_files_open_for_reading_only(kernel: Kernel) -> None:
    """Any bit that writes, creates or truncates is refused."""
    assert kernel.call("openat", 0, 0, 0o2000000) == "allow"
    for flags in (1, 2, 0o100, 0o1000, 0o2000001):
        assert kernel.call("openat", 0, 0, flags) == "EACCES"


def test_prctl_cannot_undo_a_layer(kernel: Kernel) -> None:
    """A thread may have a name; the parent's death and the filter stay as they are."""
    assert kernel.call("prctl", 15) == "allow"
    for option in (1, 4, 22, 24, 35, 47):
        assert kernel.call("prctl", option) == "EINVAL"


def test_descriptors_cannot_be_made_to_send_signals(kernel: Kernel) -> None:
    """An owner set on a descriptor would be signalled by the kernel."""
    assert kernel.call("fcntl", 3, 1) == "allow"
    for command in (8, 10, 15, 1024, 1026):
        assert kernel.call("fcntl", 3, command) == "EPERM"


def test_terminals_cannot_be_typed_into(kernel: Kernel) -> None:
    """TIOCSTI and TIOCLINUX are no ioctl of ours."""
    assert kernel.call("ioctl", 0, 0x5421) == "allow"
    assert kernel.call("ioctl", 0, 0x5412) == "ENOTTY"
    assert kernel.call("ioctl", 0, 0x541C) == "ENOTTY"


def test_without_network_only_unix_pairs_exist(kernel: Kernel) -> None:
    """Deno needs one for its own signals."""
    assert kernel.call("socketpair", 1) == "allow"
    assert kernel.call("socketpair", 2) == "EPERM"
    for family in (1, 2, 10, 16, 17, 40):
        assert kernel.call("socket", family, 1) == "EPERM"


def test_with_network_only_tcp_and_udp_exist(network_kernel: Kernel) -> None:
    """No Unix, netlink, packet or raw socket, and nothing that Landlock does not see as TCP."""
    for family in (2, 10):
        assert network_kernel.call("socket", family, 0x80801, 6) == "allow"
        assert network_kernel.call("socket", family, 2) == "allow"
        assert network_kernel.call("socket", family, 3) == "EPERM"
        assert network_kernel.call("socket", family, 1, 262) == "EPERM"
    for family in (1, 16, 17, 40):
        assert network_kernel.call("socket", family, 1) == "EPERM"
    assert network_kernel.call("connect") == "allow"
    assert network_kernel.call("listen") == "EPERM"
    assert network_kernel.call("accept4") == "EPERM"


def test_no_connection_begins_with_data(network_kernel: Kernel) -> None:
    """TCP Fast Open would go around the ports that Landlock allows."""
    assert network_kernel.call("sendto", 3, 0, 0, 0x4000) == "allow"
    assert network_kernel.call("sendto", 3, 0, 0, 0x20000000) == "EPERM"
    assert network_kernel.call("sendmsg", 3, 0, 0x20000000) == "EPERM"
    assert network_kernel.call("sendmmsg", 3, 0, 1, 0x20000000) == "EPERM"


def test_the_program_fits_the_kernel(kernel: Kernel) -> None:
    """At most 4,096 instructions, and every path ends: the interpreter would run off otherwise."""
    assert len(kernel.program) // 8 <= 4096
    for number in range(NEWEST_KNOWN + 2):
        kernel.call(number, *[0xFFFF_FFFF_FFFF_FFFF] * 6)


def test_an_unknown_machine_has_no_filter() -> None:
    """Numbers are never guessed."""
    with pytest.raises(OSError, match="riscv64"):
        build_filter("riscv64", has_network=False)
