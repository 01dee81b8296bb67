"""Over how many members a pool spreads a stream. Pure: the time is told.

A plugin that does little keeps one isolate idle half of the time, because the owner is what bounds
it. Spread over several, the same scans come in smaller frames, and isolates that wake up for them
take the owner's own processor. So a stream goes to as few members as are busy with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_LOOK_EVERY_S = 0.05
#: Share of its time that a member may compute before the stream is worth another.
_BUSY = 0.5


class Spread:
    """Counts how busy members are, and says how many are wanted."""

    def __init__(self) -> None:
        #: None while nothing is known: all of them.
        self.wanted: int | None = None
        self._looked_at = -math.inf
        self._busy_us: dict[int, int] = {}

    def is_due(self, now: float) -> bool:
        """Whether it is time to look."""
        return now - self._looked_at >= _LOOK_EVERY_S

    def look(self, now: float, members: Sequence[tuple[int, int, bool]]) -> None:
        """`members` are who, how many microseconds its scans took since ever, and whether it has work.

        One that has work and finished nothing since the last look was busy all the time.
        """
        elapsed_s = now - self._looked_at
        before, self._busy_us = self._busy_us, {who: busy_us for who, busy_us, _ in members}
        self._looked_at = now
        if math.isinf(elapsed_s) or before.keys() != self._busy_us.keys():
            self.wanted = None
            return
        busy = 0.0
        for who, busy_us, has_work in members:
            spent_us = busy_us - before[who]
            busy += 1.0 if spent_us == 0 and has_work else min(spent_us / 1e6 / elapsed_s, 1.0)
        wanted = min(max(math.ceil(busy / _BUSY), 1), len(members))
        last = self.wanted or len(members)
        # More at once where more are needed, fewer one by one: a pause of the input is no reason.
        self.wanted = max(wanted, last - 1)
