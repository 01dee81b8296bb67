"""Which plugins get another isolate while some processors have nothing to do. Pure: the time is told.

Plugins differ in cost by orders of magnitude. Each begins with one isolate, and all of them advance as
fast as the slowest, because results are handed out transaction by transaction. So what the slowest
waits for is another processor, as long as the others leave one idle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

LOOK_EVERY_S = 0.1
#: Share of its time an isolate computes when nothing else holds it up.
_SATURATED = 0.8
#: Of a processor, that must be idle for another isolate to be worth its start.
_IDLE = 0.5


class Effort(NamedTuple):
    """What plugins that share isolates did: with how many, for how long since ever, is there more.

    `done` are the transactions they are done with.
    """

    isolates: int
    busy_us: int
    has_work: bool
    done: float = 0


class Balance:
    """Looks now and then at what each does, and says who is to grow."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._looked_at = -math.inf
        self._busy_us: list[int] = []

    def look(self, now: float, efforts: Sequence[Effort]) -> tuple[int, int]:
        """The index of who should get more isolates, and how many: none, or as many as it has at most.

        However work shifts from one to another, no more than `workers - 1` are added in all. One with
        work that finished nothing since the last look was busy all the time.
        """
        elapsed_s = now - self._looked_at
        before, self._busy_us = self._busy_us, [effort.busy_us for effort in efforts]
        self._looked_at = now
        if len(before) != len(efforts) or elapsed_s <= 0:
            return 0, 0
        shares: list[float] = []
        for effort, busy_us in zip(efforts, before, strict=True):
            spent_us = effort.busy_us - busy_us
            share = spent_us / 1e6 / elapsed_s if spent_us or not effort.has_work else math.inf
            shares.append(min(share, effort.isolates))
        idle = math.floor(self._workers - sum(shares) + 1 - _IDLE)
        loads = [share / effort.isolates for share, effort in zip(shares, efforts, strict=True)]
        # Who is behind all others. A busy machine has others look busy as well, who are ahead.
        slowest = min(range(len(efforts)), key=lambda index: (efforts[index].done, -loads[index]))
        if idle < 1 or loads[slowest] < _SATURATED:
            return 0, 0
        isolates = efforts[slowest].isolates
        added = sum([effort.isolates for effort in efforts]) - len(efforts)
        return slowest, max(min(idle, isolates, self._workers - 1 - added), 0)
