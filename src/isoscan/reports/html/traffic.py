"""Where in the page each exchange stands: in blocks that a browser reads one by one, when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .bounds import BLOCK_BYTES
from .spool import Spool

#: More than what stands between two exchanges, and around the only one of a block.
_FRAME_BYTES = 80


class TrafficBlocks:
    """Puts exchanges into blocks in the order in which findings, the worst first, ask for them."""

    def __init__(self, spool: Spool, exchanges: Mapping[int, int]) -> None:
        self._spool = spool
        self._exchanges = exchanges
        self._placed: dict[int, tuple[int, int]] = {}
        self._blocks: list[list[int]] = []
        self._sizes: list[int] = []
        self._kept = 0

    def place_of(self, number: int) -> tuple[int, int] | None:
        """The block of an exchange and its index there; None when it was not kept."""
        place = self._exchanges.get(number)
        if place is None:
            return None
        if number not in self._placed:
            if not self._blocks or self._sizes[-1] >= BLOCK_BYTES:
                self._blocks.append([])
                self._sizes.append(0)
            self._placed[number] = len(self._blocks) - 1, len(self._blocks[-1])
            self._blocks[-1].append(place)
            self._sizes[-1] += self._spool.length_bytes(place) + _FRAME_BYTES
        return self._placed[number]

    def keep_within(self, limit_bytes: int) -> None:
        """Only as many blocks as fit are written; findings that refer to the others find none."""
        self._kept = 0
        for size_bytes in self._sizes:
            limit_bytes -= size_bytes
            if limit_bytes < 0:
                return
            self._kept += 1

    @property
    def left_out(self) -> int:
        """Exchanges that are not written."""
        return sum(map(len, self._blocks[self._kept :]))

    def blocks(self) -> Iterator[Iterator[bytes]]:
        """What is written, block by block."""
        for block in self._blocks[: self._kept]:
            yield map(self._spool.read, block)
