"""isoscan by each of its doors, with the sandbox it has by default, and uvloop where it is installed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import msgspec

from benchmarks.contender import Contender, Findings, Outcome, Session, Tally
from benchmarks.workloads import PluginText, Workload
from isoscan import (
    Finding,
    HttpTransaction,
    Limits,
    PluginExecutor,
    PluginExecutorPool,
    PluginMetadata,
    Scanner,
    ScanResult,
    sync,
)
from isoscan._loop import new_event_loop
from isoscan.models import IsolatePer

CALLERS_COUNT = 256
_DEADLINE_EVERY = 16
#: A pool restarts its members by count; no round gets so far.
_NEVER = 10**12


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limits_of(workload: Workload) -> Limits:
    """Bounds of a probe, or the defaults."""
    if workload.bounds is None:
        return Limits()
    return Limits(timeout_s=workload.bounds.timeout_s, memory_bytes=2 * workload.bounds.memory_bytes)


def until(transactions: Sequence[HttpTransaction], deadline: float) -> Iterator[HttpTransaction]:
    """The transactions over and over; the clock is read now and then."""
    endless = cycle(transactions)
    while time.perf_counter() < deadline:
        yield from islice(endless, _DEADLINE_EVERY)


def plain(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values, as peers have theirs."""
    built: dict[str, Any] = msgspec.to_builtins(finding)
    return built


def checked(result: ScanResult) -> Findings:
    """The findings of a result; raises when the scan failed."""
    if result.error is not None:
        raise RuntimeError(f"{result.verdict}: {result.error}")
    return [plain(finding) for finding in result.findings]


class AsyncSession:
    """A session on an event loop of its own; `Scanner` where there are several plugins."""

    is_low_latency = False
    isolate_per: IsolatePer = "executor"
    workers = 1

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.runner = asyncio.Runner(loop_factory=new_event_loop)
        executors = [self._executor(plugin) for plugin in workload.plugins]
        self.scanner = Scanner(executors, workers=self.workers)
        self.runner.run(self.scanner.__aenter__())

    def _executor(self, plugin: PluginText) -> PluginExecutor:
        metadata, limits = PluginMetadata(id=plugin.id), limits_of(self.workload)
        return PluginExecutor(
            metadata,
            plugin.code,
            limits=limits,
            low_latency=self.is_low_latency,
            isolate_per=self.isolate_per,
        )

    @property
    def executors(self) -> Sequence[PluginExecutor]:
        """One for each plugin."""
        return self.scanner.executors

    def stream(self, transactions: Iterable[HttpTransaction]) -> AsyncIterator[ScanResult]:
        """All results, transaction by transaction."""
        if len(self.executors) == 1:
            return self.executors[0].scan_many(transactions)
        return self.scanner.scan(transactions)

    def outcomes(self, count: int) -> list[Outcome]:
        """See `Session`."""
        return self.runner.run(self._outcomes(self.workload.transactions[:count]))

    async def _outcomes(self, transactions: Sequence[HttpTransaction]) -> list[Outcome]:
        found: list[Outcome] = []
        plugins = len(self.executors)
        results = [result async for result in self.stream(transactions)]
        for first in range(0, len(results), plugins):
            row = results[first : first + plugins]
            failure = next((result.error for result in row if result.error is not None), None)
            if failure is not None:
                found.append(Outcome(error=f"{failure.kind}: {failure.message}"))
            else:
                found.append(Outcome([checked(result) for result in row]))
        return found

    def run(self, seconds: float) -> Tally:
        """See `Session`."""
        return self.runner.run(self._run(seconds))

    async def _run(self, seconds: float) -> Tally:
        scans = 0
        began = time.perf_counter()
        async for result in self.stream(until(self.workload.transactions, began + seconds)):
            if result.error is not None:
                checked(result)
            scans += 1
        return Tally(scans, time.perf_counter() - began)

    def latencies_us(self, seconds: float) -> list[float]:
        """See `Session`."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends all executors."""
        self.runner.run(self.scanner.__aexit__(None, None, None))
        self.runner.close()


class _Callers(AsyncSession):
    """Many callers, each of which waits for its own scan."""

    async def _run(self, seconds: float) -> Tally:
        began = time.perf_counter()
        deadline = began + seconds
        pairs = cycle([(executor, txn) for txn in self.workload.transactions for executor in self.executors])

        async def caller() -> int:
            scans = 0
            while time.perf_counter() < deadline:
                executor, transaction = next(pairs)
                await executor.scan_transaction(transaction)
                scans += 1
            return scans

        scans = sum(await asyncio.gather(*(caller() for _ in range(CALLERS_COUNT))))
        return Tally(scans, time.perf_counter() - began)


class _OneCaller(AsyncSession):
    """One caller that waits for each scan before it asks for the next."""

    async def _run(self, seconds: float) -> Tally:
        began = time.perf_counter()
        took = await self._latencies_us(seconds)
        return Tally(len(took), time.perf_counter() - began)

    async def _latencies_us(self, seconds: float) -> list[float]:
        took: list[float] = []
        now = time.perf_counter()
        deadline = now + seconds
        while True:
            for transaction in self.workload.transactions:
                for executor in self.executors:
                    began = time.perf_counter()
                    await executor.scan_transaction(transaction)
                    now = time.perf_counter()
                    took.append((now - began) * 1e6)
                if now >= deadline:
                    return took

    def latencies_us(self, seconds: float) -> list[float]:
        """See `Session`."""
        return self.runner.run(self._latencies_us(seconds))


class _LowLatency(_OneCaller):
    """The same with owner and generation on one processor."""

    is_low_latency = True


class _Groups(AsyncSession):
    """All plugins in one isolate, and one such isolate for each CPU."""

    isolate_per: IsolatePer = "group"
    workers = cpus()


class _Pool:
    """One plugin on as many executors as there are CPUs."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._runner = asyncio.Runner(loop_factory=new_event_loop)
        (plugin,) = workload.plugins
        self._pool = PluginExecutorPool(
            PluginMetadata(id=plugin.id), plugin.code, cpus(), max_executions_before_restart=_NEVER
        )
        self._runner.run(self._pool.start())

    def outcomes(self, count: int) -> list[Outcome]:
        async def scan() -> list[Outcome]:
            stream = self._pool.scan_many(self._workload.transactions[:count])
            return [Outcome([checked(result)]) async for result in stream]

        return self._runner.run(scan())

    def run(self, seconds: float) -> Tally:
        async def scan() -> Tally:
            scans = 0
            began = time.perf_counter()
            async for result in self._pool.scan_many(until(self._workload.transactions, began + seconds)):
                if result.error is not None:
                    checked(result)
                scans += 1
            return Tally(scans, time.perf_counter() - began)

        return self._runner.run(scan())

    def latencies_us(self, seconds: float) -> list[float]:
        raise NotImplementedError

    def close(self) -> None:
        self._runner.run(self._pool.shutdown())
        self._runner.close()


class _Blocking:
    """The blocking twin, from a thread without an event loop."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._executors = [
            sync.PluginExecutor(PluginMetadata(id=plugin.id), plugin.code) for plugin in workload.plugins
        ]
        for executor in self._executors:
            executor.start()

    def outcomes(self, count: int) -> list[Outcome]:
        streams = [executor.scan_many(self._workload.transactions[:count]) for executor in self._executors]
        return [Outcome([checked(result) for result in row]) for row in zip(*streams, strict=True)]

    def run(self, seconds: float) -> Tally:
        scans = 0
        began = time.perf_counter()
        deadline = began + seconds
        rows = zip(
            *(
                executor.scan_many(until(self._workload.transactions, deadline))
                for executor in self._executors
            ),
            strict=False,  # each stream ends by the clock
        )
        for row in rows:
            for result in row:
                if result.error is not None:
                    checked(result)
            scans += len(row)
        return Tally(scans, time.perf_counter() - began)

    def latencies_us(self, seconds: float) -> list[float]:
        took: list[float] = []
        deadline = time.perf_counter() + seconds
        while True:
            for transaction in self._workload.transactions:
                began = time.perf_counter()
                self._executors[0].scan_transaction(transaction)
                now = time.perf_counter()
                took.append((now - began) * 1e6)
                if now >= deadline:
                    return took

    def close(self) -> None:
        for executor in self._executors:
            executor.shutdown()


class _Each(AsyncSession):
    """A process for each plugin, and more for the slowest while CPUs are idle."""

    workers = cpus()


def _all_cores(workload: Workload) -> Session:
    """A pool for one plugin, a scanner for several."""
    return _Pool(workload) if len(workload.plugins) == 1 else _Each(workload)


_ISOLATION = "a sandboxed process for each plugin"
_SEVERAL = "an executor runs one plugin: see all cores"
_ONE_EACH = {"mixed": _SEVERAL, "fan-out": _SEVERAL}

SCAN_MANY = Contender(
    name="scan-many",
    title="isoscan, scan_many, one executor",
    kind="ours",
    cores="one",
    open=AsyncSession,
    isolation=_ISOLATION,
    distributions=("isoscan",),
    excludes=_ONE_EACH,
)
CALLERS = Contender(
    name="callers",
    title=f"isoscan, {CALLERS_COUNT} callers of scan_transaction",
    kind="ours",
    cores="one",
    open=_Callers,
    isolation=_ISOLATION,
    excludes=_ONE_EACH,
)
ONE_CALLER = Contender(
    name="one-caller",
    title="isoscan, one call at a time",
    kind="ours",
    cores="one",
    open=_OneCaller,
    isolation=_ISOLATION,
    has_latency=True,
    excludes=_ONE_EACH,
)
LOW_LATENCY = Contender(
    name="low-latency",
    title="isoscan, one call at a time, low_latency",
    kind="ours",
    cores="one",
    open=_LowLatency,
    isolation=_ISOLATION,
    has_latency=True,
    excludes=_ONE_EACH,
)
BLOCKING = Contender(
    name="sync",
    title="isoscan.sync, scan_many, one executor",
    kind="ours",
    cores="one",
    open=_Blocking,
    isolation=_ISOLATION,
    has_latency=True,
    excludes=_ONE_EACH,
)
GROUPS = Contender(
    name="groups",
    title="isoscan, all cores, plugins share isolates",
    kind="ours",
    cores="all",
    open=_Groups,
    isolation="a sandboxed process for each CPU; plugins share it",
    distributions=("isoscan",),
    excludes=dict.fromkeys(("url", "regex", "large", "cpu"), "one plugin shares with nobody"),
)
ALL_CORES = Contender(
    name="all-cores",
    title="isoscan, all cores",
    kind="ours",
    cores="all",
    open=_all_cores,
    isolation=_ISOLATION,
)
