"""An event loop and its generations on one processor, for as long as they take turns.

When one process wakes another on a processor of its own, that costs tens of microseconds, most of
what a short scan takes; on the same processor it is a switch. But there they cannot work at the same
time. So they share one only while calls come one by one and are short, and are free again with the
first that is not. Linux alone lets a thread choose.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from weakref import WeakKeyDictionary

logger = logging.getLogger("isoscan")

IS_SUPPORTED = hasattr(os, "sched_setaffinity")
#: Short calls in a row, with nothing else in flight, that make it worth it.
_STREAK = 32
#: A plugin that computes longer than this would keep the event loop waiting.
_SHORT_US = 200
#: After as many calls the scheduler may choose anew: somebody else may want the processor by now.
_STAY = 50_000
#: Place of the processor among the fields behind the command's name in /proc/thread-self/stat.
_PROCESSOR_FIELD = 36

_BY_LOOP: WeakKeyDictionary[asyncio.AbstractEventLoop, Proximity] = WeakKeyDictionary()


class Proximity:
    """Where the thread of one event loop and the generations it talks to may run."""

    def __init__(self) -> None:
        self._in_flight = 0
        self._streak = 0
        #: Where the thread could run before; None while it is free.
        self._free: set[int] | None = None
        self._processor = 0
        #: Where each generation could run before it was drawn near.
        self._near: dict[int, set[int]] = {}
        self._is_broken = not IS_SUPPORTED
        if not IS_SUPPORTED:
            logger.warning("low_latency has no effect: this system lets no thread choose its processor")

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Proximity:
        """The one of an event loop."""
        return _BY_LOOP.setdefault(loop, cls())

    @property
    def is_near(self) -> bool:
        """Whether they share a processor now."""
        return self._free is not None

    def sent(self, pid: int, scans: int) -> None:
        """A frame leaves for a generation."""
        self._in_flight += 1
        if scans > 1 or self._in_flight > 1:
            self._part()
            return
        self._streak += 1
        if self._streak < _STREAK:
            return
        if self._streak > _STAY:
            self._part()
        elif pid not in self._near and not self._is_broken:
            self._draw_near(pid)

    def answered(self, slowest_us: int) -> None:
        """All of a frame was answered."""
        self._in_flight -= 1
        if slowest_us > _SHORT_US:
            self._part()

    def gone(self, pid: int, frames: int) -> None:
        """A generation ended with as many frames unanswered."""
        self._in_flight -= frames
        self._near.pop(pid, None)
        if not self._near:
            self._part()

    def _draw_near(self, pid: int) -> None:
        try:
            if self._free is None:
                free = os.sched_getaffinity(0)
                self._processor = _processor_now()
                os.sched_setaffinity(0, {self._processor})
                self._free = free
            before = os.sched_getaffinity(pid)
            os.sched_setaffinity(pid, {self._processor})
            self._near[pid] = before
        except ProcessLookupError:
            self._part()  # it ended, and nobody was told yet
        except (OSError, ValueError, IndexError) as error:
            self._is_broken = True
            self._part()
            logger.warning("low_latency has no effect: processors cannot be chosen here: %s", error)

    def _part(self) -> None:
        """Everybody runs where they could before."""
        self._streak = 0
        if self._free is None:
            return
        free, self._free = self._free, None
        near, self._near = self._near, {}
        for pid, processors in ((0, free), *near.items()):
            try:
                os.sched_setaffinity(pid, processors)
            except ProcessLookupError:
                continue
            except OSError as error:
                self._is_broken = True
                logger.warning("the processors of process %d cannot be given back: %s", pid, error)


def _processor_now() -> int:
    """The one that runs this thread."""
    fields = Path("/proc/thread-self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return int(fields[_PROCESSOR_FIELD])
