"""Fair turns on the owner's event loop, which reads and checks the replies of every generation.

A plugin that floods its owner with findings would otherwise take the time in which the replies of
its neighbours are read. A reply that cost much therefore delays the next look at the same generation:
until the loop has caught up with the others, at the longest until each of them had as much time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

#: What costs less is not worth a delay: one full frame of a small plugin's results takes about this.
_FREE_S = 0.002
_MAX_PAUSE_S = 1.0
#: A timer that comes this much too late says that the loop has other work.
_LATE_S = 0.0005

#: Generations with work, by the loop they are read on.
_BUSY: WeakKeyDictionary[asyncio.AbstractEventLoop, set[object]] = WeakKeyDictionary()


class Turn:
    """One generation's place among those that are read on the same event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self.is_paused = False
        self._loop = loop
        self._pause = pause
        self._resume = resume
        self._busy = _BUSY.setdefault(loop, set())
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0

    def enter(self) -> None:
        """It has work now."""
        self._busy.add(self)

    def leave(self) -> None:
        """It has none any more."""
        self._busy.discard(self)

    def spend(self, cost_s: float) -> None:
        """Reading it took this long: it waits for the others if that was much."""
        others = len(self._busy) - (self in self._busy)
        if cost_s < _FREE_S or others == 0 or self.is_paused:
            return
        self.is_paused = True
        self._pause()
        self._until = self._loop.time() + min(cost_s * others, _MAX_PAUSE_S)
        self._look_again(cost_s)

    def end_pause(self) -> None:
        """Reads on now, whatever it has cost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_paused:
            self.is_paused = False
            self._resume()

    def _look_again(self, after_s: float) -> None:
        due = min(self._loop.time() + after_s, self._until)
        self._timer = self._loop.call_at(due, self._look, due, after_s)

    def _look(self, due: float, after_s: float) -> None:
        now = self._loop.time()
        if now >= self._until or now - due < _LATE_S:
            self.end_pause()
        else:
            self._look_again(after_s)
