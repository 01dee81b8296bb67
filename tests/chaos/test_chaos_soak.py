"""Many scans under many kills: each answered once, with its own finding.

How many is set by `ISOSCAN_SOAK_SCANS`; the kills come at about 250 a minute for as long as that takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Iterator

import psutil
import pytest

from isoscan import HttpTransaction, PluginMetadata, Scanner, ScanResult, Verdict
from support.builders import is_echo, make_executor, make_transaction
from support.watching import begin, belongings, generation_pids

SCANS = int(os.environ.get("ISOSCAN_SOAK_SCANS", "1000000"))
MEAN_S = 0.15
CALLERS = 256
BUSY = """
export function scan_transaction(transaction) {
  const until = performance.now() + 0.05;
  while (performance.now() < until);
  return { title: transaction.id };
}
"""


class Tally:
    """Counts what came of each transaction; they are numbered, and answers come in order."""

    def __init__(self) -> None:
        self.sent = self.answered = self.lost = self.doubled = self.misattributed = 0

    def transactions(self, count: int) -> Iterator[HttpTransaction]:
        """Numbered transactions."""
        for self.sent in range(1, count + 1):
            yield make_transaction(transaction_id=f"t{self.sent - 1}")

    def take(self, result: ScanResult) -> None:
        """One answer."""
        number = int(result.transaction_id[1:])
        self.doubled += number < self.answered
        self.lost += max(number - self.answered, 0)
        self.misattributed += not is_echo(result)
        self.answered = max(self.answered, number + 1)


async def kill_at_random(rng: random.Random) -> int:
    """SIGKILLs every generation there is, loading or serving, until it is cancelled; returns how many."""
    kills = 0
    try:
        while True:
            await asyncio.sleep(rng.expovariate(1 / MEAN_S))
            for pid in generation_pids():
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).kill()
                    kills += 1
    except asyncio.CancelledError:
        return kills


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_soak_under_kills() -> None:
    """None lost, doubled or misattributed; no innocent blamed; nothing left."""
    before = belongings()
    tally = Tally()
    began_rss = psutil.Process().memory_info().rss
    executor = make_executor(max_attempts=50, max_consecutive_deaths=10_000, max_load_failures=1000)
    async with executor:
        killer = begin(kill_at_random(random.Random(6)))
        try:
            async for result in executor.scan_many(tally.transactions(SCANS)):
                tally.take(result)
        finally:
            killer.cancel()
            kills = await killer
        stats = executor.get_stats()
    grown_mib = (psutil.Process().memory_info().rss - began_rss) / 2**20
    print(
        f"{tally.answered:,} scans, {kills} kills, {stats.restart_count} restarts, {tally.lost} lost, "
        f"{tally.doubled} doubled, {tally.misattributed} misattributed, the owner grew by {grown_mib:.0f} MiB"
    )
    assert (tally.lost, tally.doubled, tally.misattributed) == (0, 0, 0)
    assert tally.answered == SCANS
    assert stats.verdicts == {Verdict.FINDINGS: SCANS}
    assert kills > 0
    assert belongings() == before


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_soak_of_groups_under_kills() -> None:
    """The same with plugins that share isolates and what travels there, while a scanner adds some."""
    before = belongings()
    names = [f"p{number}" for number in range(5)]
    limits = {"max_attempts": 50, "max_consecutive_deaths": 10_000, "max_load_failures": 1000}
    executors = [
        make_executor(BUSY, metadata=PluginMetadata(id=name), isolate_per="group", **limits) for name in names
    ]
    count = SCANS // len(names) // 4  # they take their time, so that there is reason for another isolate
    tallies = {name: Tally() for name in names}
    order: list[str] = []
    async with Scanner(executors, workers=3) as scanner:
        killer = begin(kill_at_random(random.Random(7)))
        try:
            async for result in scanner.scan(tallies["p0"].transactions(count)):
                tallies[result.plugin_id].take(result)
                order.append(result.plugin_id)
                if len(order) == len(names):
                    assert order == names, "plugins out of their order"
                    order.clear()
        finally:
            killer.cancel()
            kills = await killer
        verdicts = dict(scanner.coverage.verdicts)
        isolates = len(scanner._crews[0].isolates)
    wrong = {name: (each.lost, each.doubled, each.misattributed) for name, each in tallies.items()}
    print(f"{len(names)} x {count:,} scans on {isolates} isolates, {kills} kills: {wrong}")
    assert set(wrong.values()) == {(0, 0, 0)}
    assert {each.answered for each in tallies.values()} == {count}
    assert verdicts == {Verdict.FINDINGS: count * len(names)}
    assert isolates > 1
    assert kills > 0
    assert belongings() == before


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_soak_of_callers_under_kills() -> None:
    """The same with callers who ask side by side, some of whom give up at a random moment."""
    before = belongings()
    rng = random.Random(8)
    count = SCANS // 4
    numbers = iter(range(count))
    given_up = answered = 0
    executor = make_executor(max_attempts=50, max_consecutive_deaths=10_000, max_load_failures=1000)
    async with executor:

        async def caller() -> None:
            nonlocal answered, given_up
            for number in numbers:
                transaction = make_transaction(transaction_id=f"t{number}")
                call = begin(executor.scan_transaction(transaction))
                if number % 50 == 0:
                    await asyncio.sleep(rng.expovariate(1000.0))
                    call.cancel()
                try:
                    findings = await call
                except asyncio.CancelledError:
                    given_up += 1
                else:
                    answered += 1
                    assert [finding.title for finding in findings] == [transaction.id]

        killer = begin(kill_at_random(random.Random(9)))
        try:
            await asyncio.gather(*(caller() for _ in range(CALLERS)))
        finally:
            killer.cancel()
            kills = await killer
        stats = executor.get_stats()
    print(f"{answered:,} answered, {given_up:,} gave up, {kills} kills, {stats.restart_count} restarts")
    assert answered + given_up == count
    # Of those who gave up some were scanned: it was too late, or they had been sent.
    assert set(stats.verdicts) == {Verdict.FINDINGS}
    assert answered <= stats.verdicts[Verdict.FINDINGS] <= count
    assert given_up > 0
    assert kills > 0
    assert belongings() == before
