"""Callers held back until there is room: first come, first served, and no turn is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable


class WaitingLine:
    """Those who wait for a place. Being let in is a hint, not a reservation: look again."""

    def __init__(self) -> None:
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def wait(self, waiter: asyncio.Future[None], pass_on: Callable[[], None]) -> None:
        """Returns when let in, by way of `waiter`, a new future.

        A caller cancelled just then calls `pass_on`, so its turn goes to the next.
        """
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                pass_on()
            else:
                # Whoever is let in was taken off the line already: only here is it searched.
                with contextlib.suppress(ValueError):
                    self._waiters.remove(waiter)
            raise

    def let_in(self, places: int) -> int:
        """Wakes as many as there are places, and returns how many places are left."""
        while places > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                places -= 1
        return places

    def let_all_in(self) -> None:
        """Wakes everybody: there is nothing to wait for any more."""
        while self._waiters:
            wake(self._waiters.popleft())


def wake(waiter: asyncio.Future[None]) -> None:
    """Sets a future that may have been cancelled meanwhile."""
    if not waiter.done():
        waiter.set_result(None)
