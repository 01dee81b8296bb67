"""The scanner: several plugins over one stream of transactions, with honest coverage."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from .coverage import Coverage, PluginCoverage
from .errors import ConfigError, IsoscanError
from .executor import PluginExecutor
from .models import HttpTransaction, ScanResult
from .permissions import Denials, Permissions
from .pool import PluginExecutorPool
from .sandbox.frames import MAX_BATCH, Batch, read_batch

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
        #: For each executor, itself and those that help it.
        self._teams: list[list[PluginExecutor]] = []
        self.coverage = Coverage()
        #: After `scan` was broken off: results that were finished but waited for a slower plugin's.
        #: They are not counted in `coverage`.
        self.unclaimed: list[ScanResult] = []

    async def __aenter__(self) -> Self:
        # One start for those that share an isolate.
        starting = {executor._slot: executor for executor in self.executors}.values()
        outcomes = await asyncio.gather(*(executor.start() for executor in starting), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if not failures:
            failures = list(self._duplicate_ids())
        if failures:
            await self._shut_down(drain=False)
            expected = [failure for failure in failures if isinstance(failure, IsoscanError)]
            if len(expected) < len(failures):
                raise BaseExceptionGroup("plugins could not be started", failures)
            raise ExceptionGroup("plugins could not be started", expected)
        self._teams = [[executor] for executor in self.executors]
        for executor, team in zip(self.executors, self._teams, strict=True):
            self.coverage.plugins[executor.metadata.id] = PluginCoverage()
            is_shared = len(executor._slot.plugins) > 1
            for _ in range(1, 1 if is_shared else self._workers // len(starting)):
                team.append(executor._twin())
                await team[-1].start()  # it only reads its file: it makes no process yet
        held = self.executors[0].get_stats()
        self.coverage.sandbox, self.coverage.sandbox_missing = held.sandbox, held.sandbox_missing
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shut_down(drain=error is None)

    async def _shut_down(self, *, drain: bool) -> None:
        for executor, *helpers in self._teams:
            coverage = self.coverage.plugins[executor.metadata.id]
            denials = Denials()
            for member in (executor, *helpers):
                seen = member.get_stats().denials
                denials.record((each.permission, each.target, each.count) for each in seen)
            coverage.denials = denials.all()
            asked = executor.metadata.permissions or Permissions()
            coverage.not_granted = asked.beyond(executor.permissions)
        members = [member for team in self._teams for member in team] or self.executors
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
        fan_out = _FanOut(transactions)
        lanes = [_Lane(team, fan_out, self.coverage.of(team[0].metadata.id)) for team in self._teams]
        coverage = self.coverage
        try:
            number = 0
            while await fan_out.has(number):
                for _ in range(fan_out.first_size):
                    coverage.transactions += 1
                    for lane in lanes:
                        result = lane.results.popleft() if lane.results else await lane.next()
                        coverage.scans += 1
                        lane.coverage.add(result)
                        yield result
                fan_out.forget_first()
                number += 1
            if fan_out.input_error is not None:
                raise fan_out.input_error
        finally:
            await asyncio.gather(*(lane.close() for lane in lanes))
            self.unclaimed = [result for lane in lanes for result in lane.results]


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


class _Lane:
    """One plugin on its way through the input, and the results not handed out yet."""

    def __init__(self, team: list[PluginExecutor], fan_out: _FanOut, coverage: PluginCoverage) -> None:
        self.coverage = coverage
        #: Finished and not handed out yet.
        self.results: deque[ScanResult] = deque()
        self._moved = asyncio.Event()
        whole = team[0] if len(team) == 1 else PluginExecutorPool._around(team)
        self._task = asyncio.create_task(self._run(whole, fan_out), name=f"isoscan-lane-{whole.metadata.id}")
        self._task.add_done_callback(lambda task: self._moved.set())

    async def _run(self, executor: PluginExecutor | PluginExecutorPool, fan_out: _FanOut) -> None:
        async for results in executor._scan_bulks(fan_out.read()):
            self.results += results
            self._moved.set()

    async def next(self) -> ScanResult:
        """The plugin's next result, or the error that broke its lane."""
        while not self.results:
            if self._task.done():
                self._task.result()
                raise RuntimeError("a plugin's lane ended before its results did")
            self._moved.clear()
            await self._moved.wait()
        return self.results.popleft()

    async def close(self) -> None:
        """Ends the lane, finished or not."""
        self._task.cancel()
        await asyncio.wait([self._task])


class _FanOut:
    """One lazy input for several readers: read and encoded once, kept until all are done with it."""

    def __init__(self, transactions: Iterable[HttpTransaction]) -> None:
        self._source = iter(transactions)
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
        batch, self.input_error = read_batch(self._source, MAX_BATCH, _BULK_BYTES)
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
