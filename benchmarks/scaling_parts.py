"""One part of the memory figures, in a process that does nothing else.

`python -m benchmarks.scaling_parts PART SIZES` (JSON) prints a `MemoryRecord`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import msgspec
import psutil
from msgspec import Struct

from isoscan import HttpTransaction, PluginExecutor, PluginMetadata, Scanner
from isoscan.errors import IsoscanError
from isoscan.sources import open_source
from isoscan.sources.jsonl import encode_transaction_line

from .contenders.ours import checked
from .figures import spread
from .scaling_records import Figure, MemoryRecord, Sizes
from .workloads import REGEX_PLUGIN, URL_PLUGIN, regex, url

_ASLEEP_WITHIN_S = 120.0
_POLL_S = 0.05
_SAMPLES = 20
_WARM_UP_RESTARTS = 20
_MILLION = 1_000_000


class Weight(Struct, frozen=True):
    """All generations together. `private`: written to by one alone; the program's code is not in it.

    `pss`: shared pages count in parts. None where the system does not tell.
    """

    processes: int
    rss: int
    pss: int | None
    private: int | None


def _children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.is_running()]


def _weigh() -> Weight:
    """All processes below this one."""
    rss = processes = 0
    totals = {"Pss": 0, "Private_Dirty": 0}
    is_known = True
    for child in _children():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            rss += child.memory_info().rss
            processes += 1
            try:
                text = Path(f"/proc/{child.pid}/smaps_rollup").read_text(encoding="utf-8")
            except (FileNotFoundError, PermissionError):
                is_known = False
                continue
            for line in text.splitlines():
                name, _, rest = line.partition(":")
                if name in totals:
                    totals[name] += int(rest.split()[0]) * 1024
    if not is_known:
        return Weight(processes, rss, None, None)
    return Weight(processes, rss, totals["Pss"], totals["Private_Dirty"])


def _owner_bytes() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _peak_bytes() -> int:
    """Of this process since it was started, as no sampling could miss."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _figure(title: str, value_bytes: float | None, detail: str = "") -> Figure:
    if value_bytes is None:
        return Figure(title=title, detail=detail or "this system does not tell")
    return Figure(title=title, value_bytes=spread([float(value_bytes)]), detail=detail)


def _each(total: int | None, count: int) -> float | None:
    return None if total is None else total / count


@contextlib.asynccontextmanager
async def _opened(count: int, code: str = URL_PLUGIN, **options: Any) -> AsyncIterator[list[PluginExecutor]]:
    executors = [PluginExecutor(PluginMetadata(id=f"p{number}"), code, **options) for number in range(count)]
    try:
        await asyncio.gather(*(executor.start() for executor in executors))
        yield executors
    finally:
        await asyncio.gather(*(executor.shutdown() for executor in executors))


async def _idle(sizes: Sizes, record: MemoryRecord) -> None:
    """A trivial plugin that has scanned once and waits."""
    transaction = url().transactions[1]
    before_bytes = _owner_bytes()
    async with _opened(sizes.executors) as executors:
        for executor in executors:
            await executor.scan_transaction(transaction)
        await asyncio.sleep(sizes.idle_s)
        weight = _weigh()
        count = len(executors)
        record.figures = [
            _figure("private to an idle executor", _each(weight.private, count), f"mean of {count}"),
            _figure("its proportional share (PSS)", _each(weight.pss, count), f"mean of {count}"),
            _figure("its resident memory (RSS)", _each(weight.rss, count), "shared pages counted in each"),
            _figure("owner, for each", (_owner_bytes() - before_bytes) / count),
        ]


async def _loaded(sizes: Sizes, record: MemoryRecord, is_asleep: bool, **options: Any) -> None:
    count = sizes.plugins
    transaction = regex().transactions[1]
    before_bytes = _owner_bytes()
    began = time.perf_counter()
    async with _opened(count, REGEX_PLUGIN, **options) as executors:
        took_s = time.perf_counter() - began
        if "idle_shutdown_s" in options:
            for executor in executors:
                await executor.scan_transaction(transaction)
        deadline = time.perf_counter() + _ASLEEP_WITHIN_S
        # Those asleep were killed: when their processes are gone is up to the system.
        while is_asleep and (any(each.get_stats().state != "asleep" for each in executors) or _children()):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"not all executors are asleep, or {len(_children())} processes are left")
            await asyncio.sleep(_POLL_S)
        await asyncio.sleep(sizes.idle_s)
        expected = "asleep" if is_asleep else "serving"
        if others := [each for each in executors if each.get_stats().state != expected]:
            raise RuntimeError(f"{len(others)} of {count} executors are {others[0].state}, not {expected}")
        _tell_weight(record, before_bytes, took_s)


def _tell_weight(record: MemoryRecord, owner_before_bytes: int, start_s: float) -> None:
    weight = _weigh()
    count = f"{weight.processes} process{'es' * (weight.processes != 1)}"
    record.figures = [
        _figure("private to all processes", weight.private, count),
        _figure("proportional share of all (PSS)", weight.pss),
        _figure("owner", _owner_bytes() - owner_before_bytes, f"start() of all took {start_s:.2f} s"),
    ]


async def _eager(sizes: Sizes, record: MemoryRecord) -> None:
    await _loaded(sizes, record, False)


async def _group(sizes: Sizes, record: MemoryRecord) -> None:
    plugins = [
        PluginExecutor(PluginMetadata(id=f"plugin-{number}"), REGEX_PLUGIN, isolate_per="group")
        for number in range(sizes.plugins)
    ]
    before_bytes = _owner_bytes()
    began = time.perf_counter()
    async with Scanner(plugins) as scanner:
        took_s = time.perf_counter() - began
        async for result in scanner.scan(regex().transactions[:1]):
            checked(result)
        await asyncio.sleep(sizes.idle_s)
        _tell_weight(record, before_bytes, took_s)


async def _lazy(sizes: Sizes, record: MemoryRecord) -> None:
    await _loaded(sizes, record, True, lazy_start=True)


async def _after_idle(sizes: Sizes, record: MemoryRecord) -> None:
    await _loaded(sizes, record, True, idle_shutdown_s=sizes.idle_s)


async def _growth(sizes: Sizes, record: MemoryRecord) -> None:
    owner, generation = [], []
    stretch = max(sizes.growth_scans // _SAMPLES, 1)
    ring = cycle(url().transactions)
    async with _opened(1) as (executor,):
        for number in range(-(_SAMPLES // 4), _SAMPLES + 1):
            if number >= 0:  # before that it warms up
                stats = executor.get_stats()
                scans = float(number * stretch)
                owner.append((scans, float(_owner_bytes())))
                generation.append((scans, float(stats.rss_bytes or 0)))
            if number == _SAMPLES:
                break
            async for result in executor.scan_many(islice(ring, stretch)):
                if result.error is not None:
                    checked(result)
    record.series = {"owner": owner, "generation": generation}
    for name, points in record.series.items():
        slope = statistics.linear_regression(*zip(*points, strict=True)).slope
        detail = f"slope of {len(points)} samples over {sizes.growth_scans:,} scans after a warm-up"
        record.figures.append(_figure(f"{name}, for each million scans", slope * _MILLION, detail))


async def _restarts(sizes: Sizes, record: MemoryRecord) -> None:
    transaction = url().transactions[1]
    points: list[tuple[float, float]] = []
    async with _opened(1) as (executor,):
        for number in range(-_WARM_UP_RESTARTS, sizes.restarts):
            await executor.restart()
            await executor.scan_transaction(transaction)
            if number >= 0:
                points.append((float(number + 1), float(_owner_bytes())))
    record.axis, record.series = "restarts", {"owner": points}
    # Buffers come and go by megabytes: what stays is between the lowest points, early and late.
    quarter = max(len(points) // 4, 1)
    early, late = (min(part, key=lambda point: point[1]) for part in (points[:quarter], points[-quarter:]))
    grown = (late[1] - early[1]) / max(late[0] - early[0], 1.0)
    detail = f"lowest of the first and of the last quarter of {sizes.restarts} restarts after a warm-up"
    record.figures = [_figure("owner, for each restart", grown, detail)]


def _capture_lines(size_bytes: int) -> Iterator[bytes]:
    lines = [encode_transaction_line(each).rstrip(b"\n") + b"\n" for each in regex().transactions]
    written = 0
    for line in cycle(lines):
        yield line
        written += len(line)
        if written >= size_bytes:
            return


async def _capture(sizes: Sizes, record: MemoryRecord) -> None:
    path = Path(sizes.folder) / "capture.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(_capture_lines(sizes.capture_bytes))
    scans = entries = 0

    def transactions() -> Iterator[HttpTransaction]:
        nonlocal entries
        for entry in open_source(path):
            if entry.transaction is None:
                raise RuntimeError("the capture has an entry that cannot be read")
            entries += 1
            yield entry.transaction

    before_bytes = _owner_bytes()
    generation_peak = 0
    began = time.perf_counter()
    async with _opened(1) as (executor,):
        async for result in executor.scan_many(transactions()):
            if result.error is not None:
                checked(result)
            scans += 1
            if scans % 4096 == 1:
                generation_peak = max(generation_peak, executor.get_stats().rss_bytes or 0)
    if scans != entries:
        raise RuntimeError(f"{entries} entries and {scans} results")
    elapsed_s = time.perf_counter() - began
    size_bytes = path.stat().st_size
    rate = size_bytes / elapsed_s / 2**20
    record.figures = [
        _figure("peak of the owner (RSS)", _peak_bytes(), f"{entries:,} transactions, {rate:,.0f} MiB/s"),
        _figure("of it before the scan", before_bytes),
        _figure("peak of the generation (RSS)", generation_peak, "looked at every 4096 scans"),
    ]


PARTS: dict[str, Callable[[Sizes, MemoryRecord], Coroutine[Any, Any, None]]] = {
    "idle": _idle,
    "eager": _eager,
    "group": _group,
    "lazy": _lazy,
    "after-idle": _after_idle,
    "growth": _growth,
    "restarts": _restarts,
    "capture": _capture,
}


def main(name: str, sizes: Sizes) -> int:
    """One part, in this process."""
    record = MemoryRecord(name=name, title="", about="")
    try:
        asyncio.run(PARTS[name](sizes, record))
    except (IsoscanError, OSError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(msgspec.json.encode(record).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Sizes)))
