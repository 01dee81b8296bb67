"""`scan_many`: a bounded window of scans over a lazy input, handed out in input order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from ._ledger import Scan
from ._waiting import WaitingLine, wake
from .models import HttpTransaction, ScanResult
from .sandbox.frames import EncodedTransaction, encode_transaction

Transactions = (
    Iterable[HttpTransaction | EncodedTransaction] | AsyncIterable[HttpTransaction | EncodedTransaction]
)


#: What a stream holds between what was read and what was handed out, and what it hands over at once;
#: one transaction more in either case.
_WINDOW_BYTES = 32 * 1024 * 1024
_BULK_BYTES = 1024 * 1024

#: Transactions that came together.
Bulk = Sequence[HttpTransaction | EncodedTransaction]


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

    def admit(self, scans: Sequence[Scan]) -> None:
        """Takes scans; each ends exactly once."""

    def withdraw(self, scan: Scan) -> None:
        """Nobody wants the scan's outcome any more."""


class _Place(Scan, gc=False, eq=False):
    """A scan that keeps its result until its turn has come."""

    window: Any = None
    result: ScanResult | None = None

    def finish(self, result: ScanResult) -> None:
        """Keeps the outcome, and wakes the window if it waits for this one."""
        self.result = result
        if self is self.window.awaited:
            self.window.wake()


class _Window:
    """The scans between what was read and what was handed out."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._size = intake.window
        self._loop = asyncio.get_running_loop()
        self.places: deque[_Place] = deque()
        #: Of their transactions.
        self.kept_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._has_place = WaitingLine()
        self.awaited: _Place | None = None
        self.is_exhausted = False
        #: The input broke off; raised when everything read before it was handed out.
        self.input_error: Exception | None = None

    @property
    def is_full(self) -> bool:
        return len(self.places) >= self._size or self.kept_bytes >= _WINDOW_BYTES

    @property
    def is_over(self) -> bool:
        return self.is_exhausted and not self.places

    @property
    def is_empty(self) -> bool:
        return not self.places

    @property
    def room(self) -> int:
        """How many transactions it takes now."""
        if self.kept_bytes >= _WINDOW_BYTES:
            return 0
        return min(self._size - len(self.places), self._intake.room)

    def add(self, transactions: Iterable[HttpTransaction | EncodedTransaction]) -> int:
        """Takes transactions until they are many bytes; returns how many."""
        now = self._loop.time()
        places: list[_Place] = []
        size_bytes = 0
        try:
            for transaction in transactions:
                if type(transaction) is EncodedTransaction:
                    encoded = transaction
                else:
                    encoded = encode_transaction(transaction)  # type: ignore[arg-type]
                places.append(_Place(encoded, now, window=self))
                size_bytes += encoded.size_bytes
                if size_bytes >= _BULK_BYTES:
                    break
        finally:
            # Also what the input gave before it broke off.
            if places:
                self.kept_bytes += size_bytes
                self._intake.admit(places)
                self.places += places
        return len(places)

    def fill(self, source: Iterator[HttpTransaction | EncodedTransaction]) -> None:
        """Takes from the input while there is room."""
        while (count := self.room) > 0:
            before_bytes = self.kept_bytes
            try:
                taken = self.add(islice(source, count))
            except Exception as error:  # noqa: BLE001  # the caller's input: raised to them in its turn
                self.end(error)
                return
            if taken < count and self.kept_bytes - before_bytes < _BULK_BYTES:
                self.is_exhausted = True
                return

    async def feed(self, source: AsyncIterable[Bulk]) -> None:
        """The same for an input that is itself waited for; runs beside the consumer."""
        try:
            async for bulk in source:
                first = 0
                while first < len(bulk):
                    while self._intake.room <= 0:
                        await self._intake.wait_for_room()
                    first += self.add(bulk[first : first + max(self.room, 1)])
                    self.wake()
                    while self.is_full:
                        await self._has_place.wait(lambda: None)
        except Exception as error:  # noqa: BLE001  # whatever the caller's input raises is raised to them later
            self.end(error)
        else:
            self.end(None)

    def end(self, error: Exception | None) -> None:
        self.input_error = error
        self.is_exhausted = True
        self.wake()

    def offer_place(self) -> None:
        """Results were handed out: who feeds the window may go on."""
        self._has_place.let_in(0 if self.is_full else 1)

    async def wait(self) -> None:
        """Until the first place has its result, or the input moved."""
        self.awaited = self.places[0] if self.places else None
        if self.awaited is None or self.awaited.result is None:
            self._waiter = self._loop.create_future()
            await self._waiter

    def wake(self) -> None:
        if self._waiter is not None:
            wake(self._waiter)

    def close(self) -> None:
        """Nobody wants the rest."""
        for place in self.places:
            if place.result is None:
                self._intake.withdraw(place)
        self.places.clear()  # they refer to this window


async def scan_stream(
    intake: Intake, transactions: Transactions, bulks: AsyncIterable[Bulk] | None = None
) -> AsyncIterator[ScanResult]:
    """One result per transaction, in input order; see `PluginExecutor.scan_many`.

    `bulks` is an input that comes several transactions at a time, instead of `transactions`.
    """
    window = _Window(intake)
    places = window.places
    feeder: asyncio.Task[None] | None = None
    source: Iterator[HttpTransaction | EncodedTransaction] | None = None
    if isinstance(transactions, AsyncIterable):
        bulks = _one_by_one(transactions)
    if bulks is not None:
        feeder = asyncio.create_task(window.feed(bulks), name="isoscan-feed")
    else:
        assert not isinstance(transactions, AsyncIterable)
        source = iter(transactions)
    try:
        while True:
            while places and (result := places[0].result) is not None:
                window.kept_bytes -= places.popleft().payload.size_bytes
                yield result
            window.offer_place()
            if source is not None and not window.is_exhausted:
                window.fill(source)
            if window.is_over:
                break
            if source is not None and window.is_empty:
                await intake.wait_for_room()  # the queue is full with others' scans
            else:
                await window.wait()
        if window.input_error is not None:
            raise window.input_error
    finally:
        if feeder is not None:
            feeder.cancel()
            await asyncio.wait([feeder])
        window.close()


async def _one_by_one(
    transactions: AsyncIterable[HttpTransaction | EncodedTransaction],
) -> AsyncIterator[Bulk]:
    async for transaction in transactions:
        yield (transaction,)
