"""Restarts, kills and loops under load: nothing lost, doubled, mixed up or blamed on the innocent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

from isoscan import HttpTransaction, PluginExecutor, Verdict
from support.builders import is_echo, make_executor, make_transaction
from support.watching import begin, generation_pids

LOOPS = """
export function scan_transaction(t) {
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""


def transactions(count: int) -> Iterator[HttpTransaction]:
    """Transactions with ids of their own."""
    return (make_transaction(transaction_id=f"t{n}") for n in range(count))


async def scan_all(executor: PluginExecutor, count: int) -> None:
    """Scans `count` transactions and checks that each gets its own finding, in order."""
    number = 0
    async for result in executor.scan_many(transactions(count)):
        assert result.transaction_id == f"t{number}"
        assert is_echo(result), result
        number += 1
    assert number == count


async def test_restarts_under_load() -> None:
    """10,000 scans of 200 callers with a restart every 100: each caller gets its own finding."""
    count, callers, every = 10_000, 200, 100
    numbers = iter(range(count))
    outcomes: Counter[str] = Counter()
    done = 0
    is_due = asyncio.Event()
    async with make_executor() as executor:

        async def call() -> None:
            nonlocal done
            for number in numbers:
                transaction = make_transaction(transaction_id=f"t{number}")
                (finding,) = await executor.scan_transaction(transaction)
                assert finding.title == finding.transaction_id == transaction.id
                outcomes[transaction.id] += 1
                done += 1
                if done % every == 0:
                    is_due.set()

        async def restart() -> None:
            while done < count:
                await is_due.wait()
                is_due.clear()
                await executor.restart()

        restarting = begin(restart())
        await asyncio.gather(*(call() for _ in range(callers)))
        is_due.set()
        await restarting
        stats = executor.get_stats()
    assert len(outcomes) == count
    assert set(outcomes.values()) == {1}
    assert stats.verdicts == {Verdict.FINDINGS: count}
    assert stats.restart_count > 1


async def kill_at_random(executor: PluginExecutor, rng: random.Random, mean_s: float) -> int:
    """SIGKILLs children, now and then while they load, until it is cancelled; returns how many."""
    kills = 0
    try:
        while True:
            await asyncio.sleep(rng.expovariate(1 / mean_s))
            if executor.state != "serving" and rng.random() < 0.8:
                continue
            for pid in generation_pids():
                try:
                    psutil.Process(pid).kill()
                except psutil.NoSuchProcess:
                    continue
                kills += 1
    except asyncio.CancelledError:
        return kills


async def run_under_kills(count: int, *, seed: int, mean_s: float) -> int:
    """Scans while children are killed; returns the number of kills."""
    executor = make_executor(max_attempts=20, max_consecutive_deaths=10_000, max_load_failures=1000)
    async with executor:
        killer = begin(kill_at_random(executor, random.Random(seed), mean_s))
        try:
            await scan_all(executor, count)
        finally:
            killer.cancel()
            kills = await killer
        assert executor.get_stats().verdicts == {Verdict.FINDINGS: count}
    return kills


async def test_some_kills_from_outside() -> None:
    """20,000 scans under random SIGKILLs: every one gets its own finding."""
    assert await run_under_kills(20_000, seed=1, mean_s=0.1) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
async def test_many_kills_from_outside(seed: int) -> None:
    """200,000 scans under random SIGKILLs: none lost, doubled, misattributed or blamed."""
    assert await run_under_kills(200_000, seed=seed, mean_s=0.08) > 10


async def run_with_loops(count: int, *, share: float, seed: int) -> None:
    """Scans with some loops between; each loop is blamed once and nobody else."""
    rng = random.Random(seed)
    paths = ["/loop" if rng.random() < share else "/" for _ in range(count)]
    executor = make_executor(LOOPS, timeout_s=0.2, max_consecutive_deaths=1000)
    number = 0
    async with executor:
        async for result in executor.scan_many(
            make_transaction(path, transaction_id=f"t{n}") for n, path in enumerate(paths)
        ):
            assert result.transaction_id == f"t{number}"
            if paths[number] == "/loop":
                assert result.verdict is Verdict.TIMEOUT
            else:
                assert is_echo(result), result
            number += 1
        verdicts = executor.get_stats().verdicts
    assert number == count
    assert verdicts[Verdict.TIMEOUT] == paths.count("/loop")


async def test_some_loops_are_blamed_exactly() -> None:
    """600 scans with 1 % loops: each loop times out, no innocent does."""
    await run_with_loops(600, share=0.01, seed=4)


@pytest.mark.slow
async def test_many_loops_are_blamed_exactly() -> None:
    """5,000 scans with 0.5 % loops: each loop times out, no innocent does."""
    await run_with_loops(5000, share=0.005, seed=5)
