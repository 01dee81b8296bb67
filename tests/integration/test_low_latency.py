"""`low_latency=True`: owner and generation on one processor while calls come one by one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from isoscan import ExecutorStats, PluginExecutor, PluginMetadata, Scanner, Verdict
from isoscan.sandbox.proximity import Proximity
from support.builders import make_transaction

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="threads choose their processors on Linux only"
)

QUICK = "export const scan_transaction = ({ request }) => ({ title: request.url });"
SLOW = """
export function scan_transaction({ request }) {
  const until = performance.now() + (request.url.endsWith("/slow") ? 5 : 0);
  while (performance.now() < until);
}
"""
MANY = 200


@pytest.fixture(autouse=True)
def free() -> Iterator[set[int]]:
    """The processors of the test's thread, which it has again after each test."""
    before = os.sched_getaffinity(0)
    yield before
    after = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before)
    assert after == before, "the thread is not free again"


def make(code: str = QUICK, **options: Any) -> PluginExecutor:
    """An executor that wants to be quick."""
    return PluginExecutor(PluginMetadata(id="quick"), code, low_latency=True, **options)


async def call(executor: PluginExecutor, path: str = "/", times: int = MANY) -> None:
    """One call after the other."""
    for _ in range(times):
        await executor.scan_transaction(make_transaction(path))


def processors_of_children() -> list[set[int]]:
    """Where each Deno process may run."""
    children = psutil.Process().children(recursive=True)
    return [os.sched_getaffinity(child.pid) for child in children if "deno" in child.name()]


def is_near() -> bool:
    """Whether this loop's thread shares its processor now."""
    return Proximity.of(asyncio.get_running_loop()).is_near


async def test_calls_one_by_one_share_a_processor(free: set[int]) -> None:
    """After some calls both may run on one and the same processor; a shutdown frees the owner."""
    async with make() as executor:
        assert not is_near()
        await call(executor)
        assert is_near()
        own = os.sched_getaffinity(0)
        assert len(own) == 1
        assert processors_of_children() == [own]
    assert os.sched_getaffinity(0) == free


async def test_one_transaction_for_a_group_is_a_load() -> None:
    """What several plugins of an isolate scan together is no single short call."""
    group = [
        PluginExecutor(PluginMetadata(id=name), QUICK, isolate_per="group", low_latency=True)
        for name in ("a", "b", "c")
    ]
    async with Scanner(group) as scanner:
        for _ in range(MANY):
            results = [result async for result in scanner.scan([make_transaction()])]
            assert [result.verdict for result in results] == [Verdict.FINDINGS] * 3
            assert not is_near()


async def test_load_frees_both(free: set[int]) -> None:
    """A stream, or calls side by side, use all processors, and every result is right."""
    async with make() as executor:
        for _ in range(2):
            await call(executor)
            assert is_near()
            transactions = [make_transaction(f"/{number}") for number in range(300)]
            results = [result async for result in executor.scan_many(transactions)]
            assert [r.findings[0].title for r in results] == [t.request.url for t in transactions]
            assert os.sched_getaffinity(0) == free
            assert processors_of_children() == [free]
        await call(executor)
        found = await asyncio.gather(*(executor.scan_transaction(make_transaction("/x")) for _ in range(50)))
        assert len(found) == 50
        assert not is_near()


async def test_a_scan_that_computes_does_not_hold_the_loop() -> None:
    """A plugin that takes its time has a processor of its own."""
    async with make(SLOW) as executor:
        await call(executor, "/slow", 50)
        assert not is_near()


async def test_a_death_frees_the_owner(free: set[int]) -> None:
    """When the generation is killed, the next one begins free, and is drawn near in its turn."""
    async with make() as executor:
        await call(executor)
        (child,) = [c for c in psutil.Process().children(recursive=True) if "deno" in c.name()]
        child.kill()
        await executor.scan_transaction(make_transaction("/"))
        assert os.sched_getaffinity(0) == free
        await call(executor)
        assert is_near()
        await executor.restart()
        await call(executor)
        stats: ExecutorStats = executor.get_stats()
        assert set(stats.verdicts) == {Verdict.FINDINGS}


async def test_two_executors_on_one_loop(free: set[int]) -> None:
    """Taking turns, both are near; working at the same time, neither is."""
    async with make() as one, make() as other:
        for _ in range(MANY):
            await one.scan_transaction(make_transaction("/"))
            await other.scan_transaction(make_transaction("/"))
        own = os.sched_getaffinity(0)
        assert processors_of_children() == [own, own]
        await asyncio.gather(call(one, times=20), call(other, times=20))
        assert processors_of_children() == [free, free]


async def test_without_it_nothing_is_moved(free: set[int]) -> None:
    """The default leaves the scheduler alone."""
    async with PluginExecutor(PluginMetadata(id="plain"), QUICK) as executor:
        await call(executor)
        assert os.sched_getaffinity(0) == free
        assert processors_of_children() == [free]


def exchange(proximity: Proximity, times: int = MANY) -> None:
    """Calls to a process that is gone already."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
        for _ in range(times):
            proximity.sent(process.pid, 1)
            proximity.answered(0)


def test_a_process_that_is_gone_is_no_reason(caplog: pytest.LogCaptureFixture, free: set[int]) -> None:
    """Who died just then is not drawn near, and nothing is said of it."""
    proximity = Proximity()
    exchange(proximity)
    assert not proximity.is_near
    assert os.sched_getaffinity(0) == free
    assert not caplog.records


def test_refused_moves_are_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where processors cannot be chosen, calls go on, and one warning says so."""

    def refuse(pid: int, processors: set[int]) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    proximity = Proximity()
    exchange(proximity)
    monkeypatch.undo()
    assert not proximity.is_near
    assert [record.levelname for record in caplog.records] == ["WARNING"]
