"""The scanner: several plugins over one stream of transactions, with honest coverage."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from ._slot import Slot
from .coverage import Coverage, PluginCoverage
from .errors import ConfigError, IsoscanError
from .executor import PluginExecutor
from .models import HttpTransaction, ScanResult
from .permissions import Denials, Permissions
from .pool import PluginExecutorPool
from .sandbox.frames import MAX_BATCH, Batch, read_batch
from .sandbox.generation import MAX_FRAME_SCANS

_AHEAD_TRANSACTIONS = 2048
_AHEAD_BYTES = 64 * 1024 * 1024
_BULK_BYTES = 256 * 1024
_MAX_WORKERS = 1024


class Scanner:
    """Runs every executor on every transaction.

    Use it as `async with Scanner(executors) as scanner:`, then iterate
    `scanner.scan(transactions)`. Executors start side by side; if one cannot start,
    all are ended and the errors are raised together as an `ExceptionGroup`.

    `workers` is how many processes there should be work for, usually the processors: with fewer plugins
    than that, each gets further executors of its own, which start when there is enough for them to do.
    So a plugin must not count on seeing every transaction in one isolate.

    Executors with `isolate_per="group"` that are alike but for their plugins share one isolate from
    here on. They are restarted together, a death of it is charged to the scan that caused it alone, and
    a quarantine holds all of them.
    """

    def __init__(self, executors: Sequence[PluginExecutor], *, workers: int = 1) -> None:
        if not executors:
            raise ConfigError("a scanner needs at least one plugin")
        if not 1 <= workers <= _MAX_WORKERS:
            raise ConfigError(f"workers is {workers}: must be between 1 and {_MAX_WORKERS}")
        self.executors = tuple(executors)
        self._workers = workers
        for group in _groups(self.executors):
            PluginExecutor._share(group)
        self._crews: list[_Crew] = []
        self.coverage = Coverage()
        #: After `scan` was broken off: results that were finished but waited for a slower plugin's.
        #: They are not counted in `coverage`.
        self.unclaimed: list[ScanResult] = []

    async def __aenter__(self) -> Self:
        crews = crews_of(self.executors)
        # One start for those that share an isolate.
        outcomes = await asyncio.gather(*(crew.start() for crew in crews), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if not failures:
            failures = list(self._duplicate_ids())
        if failures:
            await self._shut_down(drain=False)
            expected = [failure for failure in failures if isinstance(failure, IsoscanError)]
            if len(expected) < len(failures):
                raise BaseExceptionGroup("plugins could not be started", failures)
            raise ExceptionGroup("plugins could not be started", expected)
        self.coverage.plugins.update((executor.metadata.id, PluginCoverage()) for executor in self.executors)
        self._crews = crews
        for crew in crews:
            for _ in range(1, self._workers // len(crews)):
                await crew.grow()
        held = self.executors[0].get_stats()
        self.coverage.sandbox, self.coverage.sandbox_missing = held.sandbox, held.sandbox_missing
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shut_down(drain=error is None)

    async def _shut_down(self, *, drain: bool) -> None:
        for crew in self._crews:
            for executor, *helpers in zip(*crew.isolates, strict=True):
                coverage = self.coverage.plugins[executor.metadata.id]
                denials = Denials()
                for member in (executor, *helpers):
                    seen = member.get_stats().denials
                    denials.record((each.permission, each.target, each.count) for each in seen)
                coverage.denials = denials.all()
                asked = executor.metadata.permissions or Permissions()
                coverage.not_granted = asked.beyond(executor.permissions)
        members = [isolate[0] for crew in self._crews for isolate in crew.isolates] or self.executors
        await asyncio.gather(*(member.shutdown(drain=drain) for member in members))

    def _duplicate_ids(self) -> Iterable[ConfigError]:
        for plugin_id, count in Counter(executor.metadata.id for executor in self.executors).items():
            if count > 1:
                yield ConfigError(f"{count} plugins have the id {plugin_id!r}: ids must be unique")

    async def scan(self, transactions: Iterable[HttpTransaction]) -> AsyncIterator[ScanResult]:
        """Results of all plugins, transaction by transaction, plugins in their given order.

        The input is read lazily and at most 2048 transactions or 64 MiB ahead of what was
        handed out. An error of the input is raised after the results of all it gave.
        """
        most = max(len(crew.isolates[0]) for crew in self._crews)
        fan_out = _FanOut(transactions, batch_size=max(min(MAX_BATCH, MAX_FRAME_SCANS // most), 1))
        lanes = [_Lane(crew, fan_out) for crew in self._crews]
        coverage = self.coverage
        columns = [
            (lane, lane.results[executor._place], coverage.of(executor.metadata.id))
            for executor in self.executors
            for lane in lanes
            if executor in lane.executors
        ]
        try:
            number = 0
            while await fan_out.has(number):
                for _ in range(fan_out.first_size):
                    coverage.transactions += 1
                    for lane, results, plugin_coverage in columns:
                        result = results.popleft() if results else await lane.next(results)
                        coverage.scans += 1
                        plugin_coverage.add(result)
                        yield result
                fan_out.forget_first()
                number += 1
            if fan_out.input_error is not None:
                raise fan_out.input_error
        finally:
            await asyncio.gather(*(lane.close() for lane in lanes))
            self.unclaimed = [result for _, results, _ in columns for result in results]


def _groups(executors: Sequence[PluginExecutor]) -> list[list[PluginExecutor]]:
    """Those that are to share an isolate, in their order; a single one shares it with nobody."""
    groups: list[list[PluginExecutor]] = []
    for executor in executors:
        for group in groups:
            if group[0]._settings.may_share(executor._settings):
                group.append(executor)
                break
        else:
            groups.append([executor])
    return [group for group in groups if len(group) > 1]


class _Crew:
    """Plugins that share an isolate, mostly one that has its own, and all isolates they have."""

    def __init__(self, executors: list[PluginExecutor]) -> None:
        #: An executor for each of the plugins, by their places; first those the scanner was given.
        self.isolates = [executors]

    async def start(self) -> None:
        """Starts the first isolate."""
        await self.isolates[0][0].start()

    async def grow(self) -> None:
        """Adds an isolate, which becomes a process when there is enough for it to do."""
        twins = [executor._twin() for executor in self.isolates[0]]
        if len(twins) > 1:
            PluginExecutor._share(twins)
        self.isolates.append(twins)
        await twins[0].start()  # it only reads the plugins' files


def crews_of(executors: Sequence[PluginExecutor]) -> list[_Crew]:
    """Who shares an isolate with whom."""
    by_slot: dict[Slot, list[PluginExecutor]] = {}
    for executor in executors:
        by_slot.setdefault(executor._slot, []).append(executor)
    return [_Crew(mates) for mates in by_slot.values()]


class _Lane:
    """A crew on its way through the input, and the results not handed out yet."""

    def __init__(self, crew: _Crew, fan_out: _FanOut) -> None:
        self.executors = crew.isolates[0]
        #: Finished and not handed out yet, for each plugin.
        self.results: list[deque[ScanResult]] = [deque() for _ in self.executors]
        self._moved = asyncio.Event()
        members = [isolate[0] for isolate in crew.isolates]
        whole = members[0] if len(members) == 1 else PluginExecutorPool._around(members)
        self._task = asyncio.create_task(self._run(whole, fan_out), name=f"isoscan-lane-{whole.metadata.id}")
        self._task.add_done_callback(lambda task: self._moved.set())

    async def _run(self, executor: PluginExecutor | PluginExecutorPool, fan_out: _FanOut) -> None:
        async for place, results in executor._scan_bulks(fan_out.read()):
            self.results[place] += results
            self._moved.set()

    async def next(self, results: deque[ScanResult]) -> ScanResult:
        """A plugin's next result, or the error that broke its lane."""
        while not results:
            if self._task.done():
                self._task.result()
                raise RuntimeError("a plugin's lane ended before its results did")
            self._moved.clear()
            await self._moved.wait()
        return results.popleft()

    async def close(self) -> None:
        """Ends the lane, finished or not."""
        self._task.cancel()
        await asyncio.wait([self._task])


class _FanOut:
    """One lazy input for several readers: read and encoded once, kept until all are done with it."""

    def __init__(self, transactions: Iterable[HttpTransaction], *, batch_size: int) -> None:
        self._source = iter(transactions)
        self._batch_size = batch_size
        #: What is not forgotten; the first one is batch number `_first` of the input.
        self._kept: deque[Batch] = deque()
        self._first = 0
        self._kept_transactions = 0
        self._kept_bytes = 0
        self._is_exhausted = False
        self._forgotten = asyncio.Event()
        self.input_error: Exception | None = None

    async def has(self, number: int) -> bool:
        """Whether the input holds a batch of that number; waits while too much is kept."""
        while number >= self._first + len(self._kept) and not self._is_exhausted:
            if self._kept and (
                self._kept_transactions >= _AHEAD_TRANSACTIONS or self._kept_bytes >= _AHEAD_BYTES
            ):
                self._forgotten.clear()
                await self._forgotten.wait()
                continue
            self._take()
        return number < self._first + len(self._kept)

    def _take(self) -> None:
        """Reads on: several, unless they are large."""
        batch, self.input_error = read_batch(self._source, self._batch_size, _BULK_BYTES)
        if batch is not None:
            self._kept.append(batch)
            self._kept_transactions += len(batch)
            self._kept_bytes += batch.size_bytes
        self._is_exhausted = batch is None or self.input_error is not None

    async def read(self) -> AsyncIterator[list[Batch]]:
        """Every transaction, for one reader, as many at a time as there are."""
        number = 0
        while await self.has(number):
            bulk = list(islice(self._kept, number - self._first, None))
            yield bulk
            number += len(bulk)

    @property
    def first_size(self) -> int:
        """How many transactions the oldest batch holds."""
        return len(self._kept[0])

    def forget_first(self) -> None:
        """All readers are done with the oldest batch."""
        batch = self._kept.popleft()
        self._kept_transactions -= len(batch)
        self._kept_bytes -= batch.size_bytes
        self._first += 1
        self._forgotten.set()
