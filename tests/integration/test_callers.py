"""Callers whose scans travel together, and what one of them does to the others: nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import msgspec
import pytest

from isoscan import Finding, HttpTransaction, PluginExecutor
from support.builders import is_echo, make_executor, make_transaction
from support.watching import begin, generation_pids, until

#: Its isolate is busy with `/hold` for as long as anything here takes.
HOLD = """
export function scan_transaction(t) {
  if (t.request.url.includes("/hold")) for (const end = Date.now() + 1000; Date.now() < end;);
  return { title: t.id };
}"""
TOGETHER = 64


async def warmed_up(executor: PluginExecutor) -> int:
    """Scans until frames are long; returns how many scans that were."""
    scans = 4000
    async for result in executor.scan_many(make_transaction() for _ in range(scans)):
        assert is_echo(result)
    return scans


def ask(
    executor: PluginExecutor, count: int
) -> tuple[list[HttpTransaction], list[asyncio.Task[list[Finding]]]]:
    """That many callers in one turn of the loop."""
    transactions = [make_transaction() for _ in range(count)]
    return transactions, [begin(executor.scan_transaction(each)) for each in transactions]


async def assert_answered(
    transactions: list[HttpTransaction], calls: list[asyncio.Task[list[Finding]]], gone: set[int]
) -> None:
    """Everybody gets the finding of their own scan, but those who are gone."""
    for number, (transaction, call) in enumerate(zip(transactions, calls, strict=True)):
        if number in gone:
            with pytest.raises(asyncio.CancelledError):
                await call
        else:
            assert [finding.title for finding in await call] == [transaction.id]


@pytest.mark.parametrize("is_killed", [False, True], ids=["answered", "killed meanwhile"])
async def test_some_are_cancelled(is_killed: bool) -> None:
    """Who waits in the queue is not scanned; who was sent is, once, unless the generation dies before."""
    async with make_executor(HOLD, queue_size=10_000) as executor:
        before = await warmed_up(executor)
        held = begin(executor.scan_transaction(make_transaction("/hold")))
        await until(lambda: executor.load == 1, "the scan that holds the others is taken")
        asked = []
        for _ in range(4):  # beside the one that holds it two frames are sent
            asked.append(ask(executor, TOGETHER))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert executor.get_stats().in_flight == 1 + 2 * TOGETHER
        gone = set(range(0, TOGETHER, 3))
        for _, calls in asked:
            for number in gone:
                calls[number].cancel()
        await asyncio.sleep(0)
        if is_killed:
            (pid,) = generation_pids()
            os.kill(pid, signal.SIGKILL)
        for transactions, calls in asked:
            await assert_answered(transactions, calls, gone)
        await held
        stats = executor.get_stats()
    frames_without_gaps = 4 if is_killed else 2
    assert stats.total_executions == before + 1 + 4 * TOGETHER - frames_without_gaps * len(gone)
    assert stats.queued == stats.in_flight == 0
    assert stats.restart_count == is_killed


async def test_all_are_cancelled() -> None:
    """A shutdown that drains waits for nobody who is gone."""
    async with make_executor(HOLD) as executor:
        await warmed_up(executor)
        held = begin(executor.scan_transaction(make_transaction("/hold")))
        await until(lambda: executor.load == 1, "the scan that holds the others is taken")
        _, calls = ask(executor, TOGETHER)
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert all(call.cancelled() for call in calls)
        await held
        await executor.shutdown()
        assert executor.get_stats().in_flight == 0


async def test_what_is_no_transaction() -> None:
    """It is the caller's own error, and changes nothing for those beside it."""
    async with make_executor(HOLD) as executor:
        await warmed_up(executor)
        held = begin(executor.scan_transaction(make_transaction("/hold")))
        await until(lambda: executor.load == 1, "the scan that holds the others is taken")
        wrong: Any = None
        asked = [make_transaction(), make_transaction(), wrong, make_transaction()]
        outcomes = await asyncio.gather(*map(executor.scan_transaction, asked), return_exceptions=True)
        await held
    assert isinstance(outcomes[2], AttributeError)
    for transaction, outcome in zip(asked, outcomes, strict=True):
        if transaction is not wrong:
            assert isinstance(outcome, list)
            assert [finding.title for finding in outcome] == [transaction.id]


async def test_one_cannot_be_encoded() -> None:
    """Its caller gets the error; those whose scans would have travelled with it get their findings."""
    async with make_executor(HOLD) as executor:
        before = await warmed_up(executor)
        held = begin(executor.scan_transaction(make_transaction("/hold")))
        await until(lambda: executor.load == 1, "the scan that holds the others is taken")
        transactions = [make_transaction() for _ in range(9)]
        msgspec.structs.force_setattr(transactions[4].request, "timestamp", object())
        calls = [begin(executor.scan_transaction(each)) for each in transactions]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await held
        stats = executor.get_stats()
    assert isinstance(outcomes[4], TypeError)
    for number, (transaction, outcome) in enumerate(zip(transactions, outcomes, strict=True)):
        if number != 4:
            assert isinstance(outcome, list)
            assert [finding.title for finding in outcome] == [transaction.id]
    assert stats.total_executions == before + 9


async def test_cancelled_beside_one_that_cannot_be_encoded() -> None:
    """Who gave up is not scanned, also when the scans of their job had to be encoded one by one."""
    async with make_executor(HOLD) as executor:
        before = await warmed_up(executor)
        held = begin(executor.scan_transaction(make_transaction("/hold")))
        await until(lambda: executor.load == 1, "the scan that holds the others is taken")
        for _ in range(2):  # what is sent beside the one that holds it
            _, sent = ask(executor, TOGETHER)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        transactions = [make_transaction() for _ in range(9)]
        msgspec.structs.force_setattr(transactions[4].request, "timestamp", object())
        calls = [begin(executor.scan_transaction(each)) for each in transactions]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        calls[7].cancel()
        with pytest.raises(TypeError):
            await calls[4]
        await assert_answered(transactions[5:], calls[5:], {2})
        await asyncio.gather(held, *calls[:4], *sent)
        stats = executor.get_stats()
    assert stats.total_executions == before + 1 + 2 * TOGETHER + 7
