"""The scanner: several plugins over one stream of transactions, with honest coverage."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Self

from ._balance import LOOK_EVERY_S, Balance
from ._crews import Crew, Lane, crews_of, share_isolates
from ._fan_out import FanOut
from .coverage import Coverage, PluginCoverage
from .errors import ConfigError, IsoscanError
from .executor import PluginExecutor
from .models import HttpTransaction, ScanResult
from .permissions import Permissions
from .sandbox.frames import MAX_BATCH
from .sandbox.generation import MAX_FRAME_SCANS

_MAX_WORKERS = 1024

logger = logging.getLogger("isoscan")


class Scanner:
    """Runs every executor on every transaction.

    Use it as `async with Scanner(executors) as scanner:`, then iterate
    `scanner.scan(transactions)`. Executors start side by side; if one cannot start,
    all are ended and the errors are raised together as an `ExceptionGroup`.

    `workers` is how many isolates there should be work for, usually the processors: while they have less
    to do than that, the plugin that holds the others up gets further isolates. So a plugin must not count
    on seeing every transaction in one isolate.

    Executors with `isolate_per="group"` that are alike but for their plugins share isolates from the start
    on, and what travels there: with many small plugins that is several times as fast. They are restarted
    together, a death is charged to the scan that caused it alone, and a quarantine holds all of them.
    """

    def __init__(self, executors: Sequence[PluginExecutor], *, workers: int = 1) -> None:
        if not executors:
            raise ConfigError("a scanner needs at least one plugin")
        if not 1 <= workers <= _MAX_WORKERS:
            raise ConfigError(f"workers is {workers}: must be between 1 and {_MAX_WORKERS}")
        self.executors = tuple(executors)
        self._workers = workers
        self._crews: list[Crew] = []
        self._growing: asyncio.Task[None] | None = None
        self.coverage = Coverage()
        #: After `scan` was broken off: results that were finished but waited for a slower plugin's.
        #: They are not counted in `coverage`.
        self.unclaimed: list[ScanResult] = []

    async def __aenter__(self) -> Self:
        share_isolates(self.executors)
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
        held = self.executors[0].get_stats()
        self.coverage.sandbox, self.coverage.sandbox_missing = held.sandbox, held.sandbox_missing
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shut_down(drain=error is None)

    async def _shut_down(self, *, drain: bool) -> None:
        if self._growing is not None:
            self._growing.cancel()
            await asyncio.wait([self._growing])  # what it was starting is gone then
        for executor in self.executors if self._crews else ():
            coverage = self.coverage.plugins[executor.metadata.id]
            coverage.denials = executor.get_stats().denials
            asked = executor.metadata.permissions or Permissions()
            coverage.not_granted = asked.beyond(executor.permissions)
        members = [member for crew in self._crews for member in crew.members] or self.executors
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
        fan_out = FanOut(transactions, batch_size=max(min(MAX_BATCH, MAX_FRAME_SCANS // most), 1))
        lanes = [Lane(crew, fan_out) for crew in self._crews]
        self._growing = growing = asyncio.create_task(self._grow(lanes), name="isoscan-balance")
        coverage = self.coverage
        columns = [
            (lane, lane.results[executor._place], coverage.of(executor.metadata.id))
            for executor in self.executors
            for lane in lanes
            if executor in lane.crew.isolates[0]
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
            growing.cancel()
            await asyncio.wait([growing])
            await asyncio.gather(*(lane.close() for lane in lanes))
            self.unclaimed = [result for _, results, _ in columns for result in results]

    async def _grow(self, lanes: Sequence[Lane]) -> None:
        """Gives who holds the others up another isolate, as long as processors are idle."""
        balance = Balance(self._workers)
        while self._workers > 1:
            await asyncio.sleep(LOOK_EVERY_S)
            now = asyncio.get_running_loop().time()
            slowest, count = balance.look(now, [lane.crew.effort for lane in lanes])
            if count:
                try:
                    await lanes[slowest].grow(count)
                except Exception:  # told, and no reason to end a scan that goes on without them
                    logger.exception("goes on with the isolates there are")
                    return
