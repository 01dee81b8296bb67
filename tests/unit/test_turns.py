"""Turns on the owner's event loop: who costs much waits for the others, and only for them."""

from __future__ import annotations

import asyncio
import time

from isoscan.sandbox.turns import Turn


class Reader:
    """A generation as its turn sees it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.is_reading = asyncio.Event()
        self.turn = Turn(asyncio.get_running_loop(), pause=self._pause, resume=self._resume)
        self.turn.enter()

    def _pause(self) -> None:
        self.log.append("pause")
        self.is_reading.clear()

    def _resume(self) -> None:
        self.log.append("resume")
        self.is_reading.set()


async def test_alone_it_never_waits() -> None:
    """Nobody else is there to wait for."""
    reader = Reader()
    reader.turn.spend(10.0)
    assert reader.log == []
    idle = Reader()
    idle.turn.leave()
    reader.turn.spend(10.0)
    assert reader.log == []


async def test_little_costs_nothing() -> None:
    """The cost of an ordinary frame is no reason to wait."""
    reader, _other = Reader(), Reader()
    reader.turn.spend(0.0005)
    assert reader.log == []


async def test_an_idle_loop_reads_on() -> None:
    """It waits once, sees that nobody needs the time, and goes on, long before its share is used up."""
    reader, _other = Reader(), Reader()
    reader.turn.spend(0.01)
    assert reader.turn.is_paused
    await reader.is_reading.wait()
    assert reader.log == ["pause", "resume"]
    assert not reader.turn.is_paused


async def test_a_busy_loop_makes_it_wait_its_share() -> None:
    """While the others keep the loop busy it waits until each had as much time as it took."""
    reader, others = Reader(), [Reader() for _ in range(3)]
    cost_s = 0.02
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader.turn.spend(cost_s)
    while not reader.is_reading.is_set():
        end = time.perf_counter() + 0.005
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0)
    assert loop.time() - began >= cost_s * len(others)
    assert reader.log == ["pause", "resume"]


async def test_its_end_ends_the_wait() -> None:
    """A generation that is killed is read to its end at once, and its timer is gone."""
    reader, _other = Reader(), Reader()
    reader.turn.spend(1.0)
    reader.turn.end_pause()
    reader.turn.end_pause()
    assert reader.log == ["pause", "resume"]
