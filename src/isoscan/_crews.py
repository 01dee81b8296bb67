"""Plugins on their way through an input: who shares isolates, how many, and results not handed out yet."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from ._balance import Effort
from ._fan_out import FanOut
from ._lifecycle import State
from ._slot import Slot
from .errors import IsoscanError
from .executor import PluginExecutor
from .models import ScanResult
from .pool import PluginExecutorPool

logger = logging.getLogger("isoscan")


def share_isolates(executors: Sequence[PluginExecutor]) -> None:
    """Has those that are to share an isolate, and are not started yet, share one."""
    groups: list[list[PluginExecutor]] = []
    for executor in executors:
        if executor._slot.state is not State.NEW or len(executor._slot.plugins) > 1:
            continue
        for group in groups:
            if group[0]._settings.may_share(executor._settings):
                group.append(executor)
                break
        else:
            groups.append([executor])
    for group in groups:
        if len(group) > 1:
            PluginExecutor._share(group)


class Crew:
    """Plugins that share an isolate, mostly one that has its own, and all isolates they have."""

    def __init__(self, executors: list[PluginExecutor]) -> None:
        #: An executor for each of the plugins, by their places; first those that were there before.
        self.isolates = [executors]

    @property
    def members(self) -> list[PluginExecutor]:
        """One executor for each isolate."""
        return [isolate[0] for isolate in self.isolates]

    @property
    def effort(self) -> Effort:
        """What its isolates did until now."""
        dispatches = [member._dispatch for member in self.members]
        return Effort(
            len(dispatches),
            sum([dispatch.busy_us for dispatch in dispatches]),
            any(dispatch.ledger.in_flight for dispatch in dispatches),
            sum([account.counters.executions for dispatch in dispatches for account in dispatch.accounts])
            / len(self.isolates[0]),
        )

    async def start(self) -> None:
        """Starts the first isolate."""
        await self.isolates[0][0].start()

    async def grow(self) -> PluginExecutor:
        """Adds an isolate; raises what keeps it from starting."""
        twins = [executor._twin() for executor in self.isolates[0]]
        if len(twins) > 1:
            PluginExecutor._share(twins)
        first, twin = self.isolates[0][0], twins[0]
        try:
            # Not the files as they are now: all isolates of a plugin run the same.
            await twin._slot.start(first._slot.source)
            await twin._follow(first)  # it may have been reloaded meanwhile
        except BaseException:
            await twin.shutdown(drain=False)
            raise
        for executor, follower in zip(self.isolates[0], twins, strict=True):
            executor._followers.append(follower)
        self.isolates.append(twins)
        return twins[0]


def crews_of(executors: Sequence[PluginExecutor]) -> list[Crew]:
    """Who shares an isolate with whom."""
    by_slot: dict[Slot, list[PluginExecutor]] = {}
    for executor in executors:
        by_slot.setdefault(executor._slot, []).append(executor)
    return [Crew(mates) for mates in by_slot.values()]


class Lane:
    """A crew on its way through an input, and the results not handed out yet."""

    def __init__(self, crew: Crew, fan_out: FanOut) -> None:
        self.crew = crew
        #: Finished and not handed out yet, for each plugin.
        self.results: list[deque[ScanResult]] = [deque() for _ in crew.isolates[0]]
        self._moved = asyncio.Event()
        self._pool = PluginExecutorPool._around(crew.members)
        name = f"isoscan-lane-{self._pool.metadata.id}"
        self._task = asyncio.create_task(self._run(fan_out), name=name)
        self._task.add_done_callback(lambda task: self._moved.set())

    async def _run(self, fan_out: FanOut) -> None:
        async for place, results in self._pool._scan_bulks(fan_out.read()):
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

    async def grow(self, count: int) -> None:
        """Has more isolates take part. One that cannot start is told and left out."""
        for grown in await asyncio.gather(*(self.crew.grow() for _ in range(count)), return_exceptions=True):
            if isinstance(grown, PluginExecutor):
                self._pool._join(grown)
            elif isinstance(grown, IsoscanError):
                logger.warning("%s: goes on with fewer isolates: %s", self._pool.metadata.id, grown)
            else:
                raise grown

    async def close(self) -> None:
        """Ends the lane, finished or not."""
        self._task.cancel()
        await asyncio.wait([self._task])
