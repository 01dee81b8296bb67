"""`scan_many`: a bounded window of scans over a lazy input, handed out in input order."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from ._ledger import Job
from ._waiting import WaitingLine, wake
from .models import HttpTransaction, ScanResult
from .sandbox.frames import MAX_BATCH, Batch, encode_one, read_batch

Transactions = Iterable[HttpTransaction] | AsyncIterable[HttpTransaction]

#: Batches that came together.
Bulk = Sequence[Batch]

#: What a stream holds between what was read and what was handed out, and what it hands over at once;
#: one batch more in either case.
_WINDOW_BYTES = 32 * 1024 * 1024
_BULK_BYTES = 1024 * 1024


class Intake(Protocol):
    """Where scans go: an executor, or a pool of them."""

    @property
    def room(self) -> int:
        """How many scans may be admitted together now."""

    @property
    def window(self) -> int:
        """How many scans may be between what was read and what was handed out."""

    async def wait_for_room(self) -> None:
        """Returns when there may be room."""

    def admit(self, jobs: Sequence[Job]) -> None:
        """Takes scans; each ends exactly once."""

    def withdraw(self, job: Job) -> None:
        """Nobody wants the outcomes any more."""


class _Place(Job, kw_only=True, gc=False, eq=False):
    """A batch that keeps its results until its turn has come."""

    window: Any
    results: list[ScanResult | None]
    #: Of its batch, unless another plugin's place counts them.
    size_bytes: int
    #: How many results there are, and how many of them were handed out.
    filled: int = 0
    handed: int = 0

    def deliver(self, first: int, results: list[Any]) -> None:
        """Keeps the outcomes, and wakes the window if it waits for them."""
        self.results[first : first + len(results)] = results
        self.filled += len(results)
        if self is self.window.awaited:
            self.window.wake()

    def take(self) -> list[Any]:
        """The results that are next in input order and were not handed out."""
        # Those of a batch that was taken apart may come in any order.
        is_whole = self.filled == len(self.results)
        end = self.filled if is_whole else self.results.index(None)
        taken = self.results[self.handed : end]
        self.handed = max(end, self.handed)
        return taken


class _Window:
    """The scans between what was read and what was handed out."""

    def __init__(self, intake: Intake, plugins: Sequence[int]) -> None:
        self._intake = intake
        self._plugins = plugins
        self._size = intake.window
        self._loop = asyncio.get_running_loop()
        self._places: deque[_Place] = deque()
        #: Of the batches that were not handed out whole.
        self._kept = 0
        self._kept_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._has_place = WaitingLine()
        self.awaited: _Place | None = None
        self.is_exhausted = False
        #: The input broke off; raised when everything read before it was handed out.
        self.input_error: Exception | None = None

    @property
    def is_full(self) -> bool:
        return self._kept >= self._size or self._kept_bytes >= _WINDOW_BYTES

    @property
    def is_over(self) -> bool:
        return self.is_exhausted and not self._places

    @property
    def is_empty(self) -> bool:
        return not self._places

    @property
    def room(self) -> int:
        """How many transactions it takes now; each is scanned by all of its plugins."""
        if self._kept_bytes >= _WINDOW_BYTES:
            return 0
        return math.ceil(min(self._size - self._kept, self._intake.room) / len(self._plugins))

    def _admit(self, batches: list[Batch]) -> None:
        now = self._loop.time()
        last = self._plugins[-1]
        places = [
            _Place(
                batch,
                len(batch),
                now,
                plugin,
                window=self,
                results=[None] * len(batch),
                size_bytes=batch.size_bytes if plugin == last else 0,
            )
            for batch in batches
            for plugin in self._plugins
        ]
        self._kept += sum([place.count for place in places])
        self._kept_bytes += sum([place.size_bytes for place in places])
        self._intake.admit(places)
        self._places += places

    def fill(self, source: Iterator[HttpTransaction]) -> None:
        """Takes from the input while there is room."""
        while (room := self.room) > 0 and not self.is_exhausted:
            batches: list[Batch] = []
            size_bytes = 0
            while room > 0 and size_bytes < _BULK_BYTES and not self.is_exhausted:
                batch, error = read_batch(source, min(room, MAX_BATCH), _BULK_BYTES - size_bytes)
                if batch is not None:
                    batches.append(batch)
                    room -= len(batch)
                    size_bytes += batch.size_bytes
                if batch is None or error is not None:
                    self.input_error = error
                    self.is_exhausted = True
            if batches:  # also what the input gave before it broke off
                self._admit(batches)

    async def feed(self, source: AsyncIterable[Bulk]) -> None:
        """The same for an input that is itself waited for; runs beside the consumer."""
        try:
            async for bulk in source:
                rest = _Rest(bulk)
                while not rest.is_empty:
                    while self._intake.room <= 0:
                        await self._intake.wait_for_room()
                    self._admit(rest.cut(max(self.room, 1)))
                    self.wake()
                    while self.is_full:
                        await self._has_place.wait(self._loop.create_future(), lambda: None)
        except Exception as error:  # noqa: BLE001  # whatever the caller's input raises is raised to them later
            self.input_error = error
        self.is_exhausted = True
        self.wake()

    def take(self) -> tuple[int, list[ScanResult]]:
        """Results of a plugin whose turn has come; none when the first in line is not there."""
        places = self._places
        while places:
            place = places[0]
            taken = place.take()
            if place.handed == len(place.results):
                places.popleft()
                self._kept -= place.handed
                self._kept_bytes -= place.size_bytes
            if taken or place.handed < len(place.results):
                return place.plugin, taken
        return 0, []

    async def wait_for_room(self) -> None:
        """Returns when whoever takes the scans may have room."""
        await self._intake.wait_for_room()

    def offer_place(self) -> None:
        """Results were handed out: who feeds the window may go on."""
        self._has_place.let_in(0 if self.is_full else 1)

    async def wait(self) -> None:
        """Until the first place has its next result, or the input moved."""
        self.awaited = self._places[0] if self._places else None
        if self.awaited is None or self.awaited.results[self.awaited.handed] is None:
            self._waiter = self._loop.create_future()
            await self._waiter
        else:
            await asyncio.sleep(0)  # it was refused at once: others want their turn too

    def wake(self) -> None:
        if self._waiter is not None:
            wake(self._waiter)

    def close(self) -> None:
        """Nobody wants the rest."""
        for place in self._places:
            if place.filled < len(place.results):
                self._intake.withdraw(place)
        # They refer to this window, and nobody collects such a circle.
        self._places.clear()
        self.awaited = None


class _Rest:
    """What is still to be admitted of batches that came together."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = deque(batches)
        #: How much of the first one is admitted.
        self._begun = 0

    @property
    def is_empty(self) -> bool:
        return not self._batches

    def cut(self, count: int) -> list[Batch]:
        """The next transactions, until they are `count` or many bytes."""
        taken: list[Batch] = []
        size_bytes = 0
        while self._batches and count > 0 and size_bytes < _BULK_BYTES:
            whole, first = self._batches[0], self._begun
            if taken and count < len(whole):
                break  # to take it apart would be to encode it anew
            end = min(first + count, len(whole))
            batch = whole if end - first == len(whole) else whole.part(first, end)
            self._begun = end
            if end == len(whole):
                self._batches.popleft()
                self._begun = 0
            taken.append(batch)
            count -= len(batch)
            size_bytes += batch.size_bytes
        return taken


async def scan_stream(
    intake: Intake, transactions: Transactions, plugin: int = 0
) -> AsyncIterator[ScanResult]:
    """One result per transaction, in input order; see `PluginExecutor.scan_many`.

    `plugin` is the place of the one that scans among those that share an isolate.
    """
    window = _Window(intake, (plugin,))
    if isinstance(transactions, AsyncIterable):
        several = _scan(window, None, _one_by_one(transactions))
    else:
        several = _scan(window, iter(transactions), None)
    async with aclosing(several):
        async for _, results in several:
            for result in results:
                yield result


def scan_bulks(
    intake: Intake, bulks: AsyncIterable[Bulk], plugins: Sequence[int]
) -> AsyncGenerator[tuple[int, list[ScanResult]], None]:
    """One result per plugin and transaction: of one of the plugins as many at a time as there are.

    Each plugin's come in input order.
    """
    return _scan(_Window(intake, plugins), None, bulks)


async def _scan(
    window: _Window, source: Iterator[HttpTransaction] | None, bulks: AsyncIterable[Bulk] | None
) -> AsyncGenerator[tuple[int, list[ScanResult]], None]:
    feeder: asyncio.Task[None] | None = None
    if bulks is not None:
        feeder = asyncio.create_task(window.feed(bulks), name="isoscan-feed")
    try:
        while True:
            while (taken := window.take())[1]:
                yield taken
            window.offer_place()
            if source is not None:
                window.fill(source)
            if window.is_over:
                break
            if source is not None and window.is_empty:
                await window.wait_for_room()  # the queue is full with others' scans
            else:
                await window.wait()
        if window.input_error is not None:
            raise window.input_error
    finally:
        if feeder is not None:
            feeder.cancel()
            await asyncio.wait([feeder])
        window.close()


async def _one_by_one(transactions: AsyncIterable[HttpTransaction]) -> AsyncIterator[Bulk]:
    async for transaction in transactions:
        yield (encode_one(transaction),)
