"""What is left behind: processes, descriptors, tasks, temporary files."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil

DEADLINE_S = 30.0
T = TypeVar("T")


class Belongings(NamedTuple):
    """What this process holds at one moment."""

    children: frozenset[int]
    descriptors: int
    tasks: frozenset[str]
    files: frozenset[str]


def begin(call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Starts a call; the test awaits it later."""
    return asyncio.get_running_loop().create_task(call)


def child_pids() -> frozenset[int]:
    """Every child of this process, zombies included."""
    return frozenset(child.pid for child in psutil.Process().children(recursive=True))


def generation_pids() -> frozenset[int]:
    """Children that are generations: not the fork server, nor what it holds in readiness."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            if not any("linux.server" in word for word in child.cmdline()):
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return frozenset(found)


def descriptor_count() -> int:
    """Open file descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def belongings() -> Belongings:
    """Takes stock; other programs' temporary files do not count."""
    own = asyncio.current_task()
    tasks = frozenset(task.get_name() for task in asyncio.all_tasks() if task is not own)
    return Belongings(child_pids(), descriptor_count(), tasks, _own_files(Path(tempfile.gettempdir())))


def _own_files(folder: Path) -> frozenset[str]:
    names = {path.name for path in folder.iterdir()}
    return frozenset(name for name in names if "isoscan" in name or "deno" in name.lower())


async def until(condition: Callable[[], bool], what: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Polls until `condition()` holds; fails the test when it does not in time."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:g} s: {what}")
        await asyncio.sleep(0.002)
