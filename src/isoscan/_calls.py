"""Callers who wait for one scan each. Those of one turn of the loop travel together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any, Self

from ._ledger import Job
from .models import HttpTransaction, ScanResult
from .sandbox.frames import Batch, encode_batch, encode_one


class Calls(Job, kw_only=True, eq=False):
    """Scans of one plugin, each with somebody who waits for it.

    It can grow until it is sealed, that is encoded, and is sealed before it travels.
    """

    outcomes: list[asyncio.Future[ScanResult]]

    @classmethod
    def sealed(cls, transaction: HttpTransaction, loop: asyncio.AbstractEventLoop, plugin: int) -> Self:
        """One that does not grow. Raises what keeps the transaction from being encoded."""
        return cls(encode_one(transaction), 1, loop.time(), plugin, outcomes=[loop.create_future()])

    @classmethod
    def begin(
        cls, transaction: HttpTransaction, size_bytes: int, loop: asyncio.AbstractEventLoop, plugin: int
    ) -> Self:
        """One that grows, nothing of it encoded; the bodies of its first transaction are that long."""
        unsealed = Batch([transaction], b"", b"", [], size_bytes)
        return cls(unsealed, 1, loop.time(), plugin, outcomes=[loop.create_future()])

    def add(self, transaction: HttpTransaction, size_bytes: int, loop: asyncio.AbstractEventLoop) -> int:
        """One scan more, with bodies of that size; returns how long all bodies are.

        The ledger counts the scan (`Ledger.extend`).
        """
        self.outcomes.append(loop.create_future())
        unsealed = self.payload
        unsealed.transactions.append(transaction)
        unsealed.size_bytes += size_bytes
        return int(unsealed.size_bytes)

    def seal(self) -> None:
        """Encodes the transactions. Raises what keeps one of them from being encoded: see `singly`."""
        transactions = self.payload.transactions
        self.payload = encode_one(transactions[0]) if self.count == 1 else encode_batch(transactions)

    def singly(self) -> Iterator[Job]:
        """Its scans, each by itself. Those who wait for one that cannot be encoded are told why."""
        for place, outcome in enumerate(self.outcomes):
            try:
                part = self._part(place, place + 1)
            except Exception as error:  # noqa: BLE001  # of the caller's own making: raised to them
                if not outcome.done():
                    outcome.set_exception(error)
            else:
                if not part.is_withdrawn:
                    yield part

    def deliver(self, first: int, results: list[Any]) -> None:
        """Hands the outcomes to those who still wait."""
        for outcome, result in zip(islice(self.outcomes, first, None), results, strict=False):
            if not outcome.done():
                outcome.set_result(result)

    def is_unwanted(self, first: int, end: int) -> bool:
        """Whether nobody waits for some of the scans any more."""
        return all(outcome.done() for outcome in self.outcomes[first:end])
