"""Memory bombs of many kinds against limits of many sizes: how high they get, and what comes after.

The kernel holds it to `Limits.memory_bytes`, five per cent and 8 MiB on top of what it held when it
was idle; between two looks of the owner, who counts all of it, it gets that far. The kernel's own
high-water mark says how far it was.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from isoscan import Verdict
from support.builders import MIB, is_echo, make_executor, make_transaction, scan
from support.watching import generation_pids

from ._bombs import BOMBS, plugin

LIMITS_MIB = (64, 128, 256, 512, 1024)
EVERY_S = 0.0005
#: One of each way to the limit: V8's heap, its buffers, and memory V8 knows nothing of.
SAMPLE = frozenset(
    {
        ("heap_arrays", 128),
        ("buffers_touched", 64),
        ("buffers_touched", 512),
        ("buffers_untouched", 256),
        ("strings", 64),
        ("structured_clones", 64),
        ("intl", 64),
        ("promises", 128),
    }
)


def memory_of(pid: int, field: str) -> int:
    """A figure of a process's status in bytes; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0


class HighWater:
    """Reads the high-water mark of a process until it is gone; a thread, as the loop is busy."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self.bytes = max(self.bytes, memory_of(self._pid, "VmHWM"))


async def blow_up(kind: str, limit_mib: int) -> tuple[int, int, str]:
    """Idle and peak resident bytes, and how the bomb's scan ended; the scans around it are right."""
    executor = make_executor(plugin(kind), memory_bytes=limit_mib * MIB, timeout_s=60.0)
    async with executor:
        assert is_echo(await scan(executor, make_transaction("/good")))
        (pid,) = generation_pids()
        idle_bytes = memory_of(pid, "VmRSS")
        with HighWater(pid) as water:
            result = await scan(executor, make_transaction("/bad"))
        after = await scan(executor, make_transaction("/good"))
    assert is_echo(after), after.error
    ended = result.findings[0].title if result.verdict is Verdict.FINDINGS else result.verdict.value
    return idle_bytes, water.bytes, ended


def combinations() -> list[object]:
    """Every kind of bomb with every limit; all but a sample are slow."""
    return [
        pytest.param(kind, limit, marks=() if (kind, limit) in SAMPLE else pytest.mark.slow)
        for kind in BOMBS
        for limit in LIMITS_MIB
    ]


@pytest.mark.parametrize(("kind", "limit_mib"), combinations())
async def test_bomb_stays_below_its_limit(kind: str, limit_mib: int) -> None:
    """The bomb is ended for its memory, or refused it, before it gets past the limit."""
    idle_bytes, peak_bytes, ended = await blow_up(kind, limit_mib)
    print(f"{kind} {limit_mib} idle {idle_bytes // MIB} peak {peak_bytes // MIB} MiB: {ended}")
    assert ended in ("out_of_memory", "caught RangeError")
    assert 0 < idle_bytes <= peak_bytes
    assert peak_bytes - idle_bytes <= limit_mib * MIB * 1.05 + 8 * MIB


def test_sample_is_of_the_combinations() -> None:
    """The bombs that run by default are among all of them."""
    assert {kind for kind, _ in SAMPLE} <= set(BOMBS)
    assert {limit for _, limit in SAMPLE} <= set(LIMITS_MIB)
