"""Many things at once: reloads, starts, queues, restarts and whole lives of executors."""

from __future__ import annotations

import asyncio

import pytest

from isoscan import IsoscanError, PluginLoadError, RestartFailed, ScanInterrupted, Verdict
from scenarios._shared import assert_serves, collect
from support.builders import ECHO, is_echo, make_executor, make_transaction, scan
from support.watching import begin, child_pids, generation_pids, until

VERSION = "export const scan_transaction = (t) => ({{ title: t.id, version: {} }});"
SLOW = """
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 2));
  return { title: t.id };
}"""


async def test_ten_reloads_at_once_end_with_the_newest() -> None:
    """All ten are answered while scans run, and the one asked for last serves at the end."""
    async with make_executor(VERSION.format(0)) as executor:
        work = begin(collect(executor, [make_transaction() for _ in range(500)]))
        reports = await asyncio.gather(*(executor.reload(VERSION.format(n)) for n in range(1, 11)))
        assert len(reports) == 10
        assert all(map(is_echo, await work))
        (finding,) = await executor.scan_transaction(make_transaction())
        assert finding.extra["version"] == 10
        await until(lambda: len(generation_pids()) == 1, "one generation")


async def test_reload_with_a_syntax_error_keeps_the_old_serving() -> None:
    """The bad version is refused with its place; scans before, during and after get the old one."""
    async with make_executor(VERSION.format(1)) as executor:
        work = begin(collect(executor, [make_transaction() for _ in range(500)]))
        with pytest.raises(PluginLoadError) as caught:
            await executor.reload("const fine = 1;\nlet = = 2;")
        assert (caught.value.file, caught.value.line) == ("probe.ts", 2)
        results = [*await work, await scan(executor, make_transaction())]
        assert all(map(is_echo, results))
        assert {r.findings[0].extra["version"] for r in results} == {1}
        assert {r.generation for r in results} == {1}


async def test_executors_load_and_execute_side_by_side() -> None:
    """Six executors start at once and scan as soon as they are ready; nothing is mixed up."""

    async def life(number: int) -> None:
        async with make_executor(VERSION.format(number)) as executor:
            results = await collect(executor, [make_transaction() for _ in range(200)])
            assert all(map(is_echo, results))
            assert {r.findings[0].extra["version"] for r in results} == {number}

    await asyncio.gather(*map(life, range(6)))


async def test_ten_thousand_requests_against_a_queue_of_100() -> None:
    """Callers are held back, never more than 100 scans wait, and everyone gets their own finding."""
    async with make_executor(queue_size=100) as executor:
        most = 0

        async def call() -> None:
            nonlocal most
            transaction = make_transaction()
            findings = await executor.scan_transaction(transaction)
            assert [f.title for f in findings] == [transaction.id]
            most = max(most, executor.get_stats().queued)

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, executor.get_stats().queued)
                await asyncio.sleep(0)

        watcher = begin(watch())
        await asyncio.gather(*(call() for _ in range(10_000)))
        watcher.cancel()
        await asyncio.wait([watcher])
        assert 0 < most <= 100
        assert executor.get_stats().verdicts == {Verdict.FINDINGS: 10_000}


async def test_100_executors_leave_no_process() -> None:
    """Ten groups of ten are created, used and destroyed; no process is left after any."""
    before = child_pids()

    async def life() -> None:
        async with make_executor() as executor:
            await assert_serves(executor)

    for _ in range(10):
        await asyncio.gather(*(life() for _ in range(10)))
        assert child_pids() == before


@pytest.mark.parametrize("overlap", [True, False])
async def test_restart_with_50_queued(overlap: bool) -> None:
    """The fifty that wait are answered by one generation or the other, each once."""
    async with make_executor(SLOW, queue_size=200) as executor:
        transactions = [make_transaction() for _ in range(150)]
        calls = [begin(executor.scan_transaction(t)) for t in transactions]
        await until(lambda: executor.get_stats().queued >= 50, "fifty queued")
        await executor.restart(overlap=overlap)
        found = await asyncio.gather(*calls)
        assert [f.title for (f,) in found] == [t.id for t in transactions]
        stats = executor.get_stats()
        assert (stats.queued, stats.in_flight, stats.restart_count) == (0, 0, 1)
        assert stats.verdicts == {Verdict.FINDINGS: 150}


async def test_concurrent_manager_operations_end_consistent() -> None:
    """Restarts, reloads, aborts, stats and scans at once: all answered, then one generation serves."""
    async with make_executor(SLOW) as executor:
        transactions = [make_transaction() for _ in range(300)]
        calls = [begin(executor.scan_transaction(t)) for t in transactions]
        operations = []
        for number in range(8):
            operations += [
                begin(executor.restart(overlap=number % 2 == 0)),
                begin(executor.reload(SLOW if number % 2 else "let = = 1;")),
                begin(executor.terminate_execution()),
            ]
            stats = executor.get_stats()
            assert stats.queued <= 100 + 3 * 128  # the queue, and what a kill sends back to its front
            await asyncio.sleep(0)
        for outcome in await asyncio.gather(*operations, return_exceptions=True):
            assert not isinstance(outcome, BaseException) or isinstance(
                outcome, RestartFailed | PluginLoadError
            ), repr(outcome)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        for transaction, outcome in zip(transactions, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, ScanInterrupted), repr(outcome)
            else:
                assert [f.title for f in outcome] == [transaction.id]
        await executor.reload(ECHO)
        await assert_serves(executor)
        stats = executor.get_stats()
        assert (stats.state, stats.queued, stats.in_flight) == ("serving", 0, 0)
        assert sum(stats.verdicts.values()) == len(transactions) + 1
        await until(lambda: len(generation_pids()) == 1, "one generation")


async def test_shutdown_in_the_middle_of_everything() -> None:
    """Shutting down while scans, a restart and a reload run ends each with an answer."""
    executor = make_executor(SLOW)
    await executor.start()
    calls = [begin(executor.scan_transaction(make_transaction())) for _ in range(120)]
    others = [begin(executor.restart()), begin(executor.reload(ECHO))]
    await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
    await executor.shutdown(drain=False)
    for outcome in await asyncio.gather(*calls, *others, return_exceptions=True):
        assert not isinstance(outcome, BaseException) or isinstance(outcome, IsoscanError), repr(outcome)
    assert executor.get_stats().state == "closed"


async def test_shutdown_right_behind_a_restart() -> None:
    """A restart asked for just before the shutdown, and not begun, is refused like any other call."""
    executor = make_executor()
    await executor.start()
    calls = [begin(executor.restart()), begin(executor.reload(ECHO))]
    await asyncio.sleep(0)
    await executor.shutdown(drain=False)
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, IsoscanError), repr(outcome)
