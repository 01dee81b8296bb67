"""The transactions of a soak, and when they are handed over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import cycle

from ..models import HttpRequest, HttpResponse, HttpTransaction
from .modes import Load, Mode

_DIFFERENT = 509
_TICK_S = 0.005
_BURST_S = 1.0
#: A short run has several bursts, too.
_BURSTS_PER_RUN = 8
_WORDS = ("oak", "linen", "walnut", "brass", "wool", "cork", "slate", "ash", "copper", "hemp")


def transaction(number: int) -> HttpTransaction:
    """A search page of a shop; one in fifty echoes its term, one in forty may be sniffed."""
    word = _WORDS[number % len(_WORDS)]
    echo = f"<b>{word}</b>" if number % 50 == 0 else "your search"
    items = "".join(f"<li>{_WORDS[(number + i) % len(_WORDS)]} chair {number + i}</li>" for i in range(6))
    headers = (("Content-Type", "text/html; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    page = f"<!doctype html><title>Search</title><p>Results for {echo}</p><ul>{items}</ul>"
    return HttpTransaction(
        HttpRequest(
            "GET",
            f"https://shop.example/search?q={word}&page={number}",
            headers=(("Host", "shop.example"), ("Accept", "text/html"), ("Accept-Language", "en")),
        ),
        HttpResponse(
            200,
            headers=headers if number % 40 else headers[:1],
            body=page.encode(),
        ),
    )


class Traffic:
    """What one mode is asked to scan until its time is over. Calls `ask` for every transaction.

    The same few hundred transactions again and again: what is measured is the executor, not the
    making of Python objects.
    """

    def __init__(
        self, mode: Mode, duration_s: float, ask: Callable[[], None], is_stopped: Callable[[], bool]
    ) -> None:
        self._ask = ask
        self._mode = mode
        self._duration_s = duration_s
        self._is_stopped = is_stopped
        self._ring = cycle([transaction(number) for number in range(_DIFFERENT)])

    def stream(self) -> Iterator[HttpTransaction] | AsyncIterator[HttpTransaction]:
        """The transactions; the time runs from here on."""
        self._began = time.monotonic()
        if self._mode.load is Load.PACED:
            return self._paced(self._mode.rate_per_s)
        return self._bursts() if self._mode.load is Load.BURSTS else self._full()

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def _is_over(self) -> bool:
        return self._elapsed_s >= self._duration_s or self._is_stopped()

    def _next(self) -> HttpTransaction:
        self._ask()
        return next(self._ring)

    def _full(self) -> Iterator[HttpTransaction]:
        while not self._is_over:
            yield self._next()

    async def _paced(self, rate_per_s: float) -> AsyncIterator[HttpTransaction]:
        given = 0
        while not self._is_over:
            if given <= self._elapsed_s * rate_per_s:
                given += 1
                yield self._next()
            else:
                await asyncio.sleep(_TICK_S)

    async def _bursts(self) -> AsyncIterator[HttpTransaction]:
        burst_s = min(_BURST_S, self._duration_s / _BURSTS_PER_RUN)
        while not self._is_over:
            if self._elapsed_s % (2 * burst_s) < burst_s:
                yield self._next()
            else:
                await asyncio.sleep(_TICK_S)
