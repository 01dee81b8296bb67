"""One lazy input for several readers: read and encoded once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from itertools import islice

from .models import HttpTransaction
from .sandbox.frames import Batch, read_batch

_AHEAD_TRANSACTIONS = 2048
_AHEAD_BYTES = 64 * 1024 * 1024
_BULK_BYTES = 256 * 1024


class FanOut:
    """Batches of an input, kept until all readers are done with them.

    It reads at most 2048 transactions or 64 MiB ahead, in batches of `batch_size` or many bytes.
    """

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
