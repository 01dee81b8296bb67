"""Executors with nothing to do: none is made before it is needed, and none stays for long."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil
import pytest

from isoscan import (
    ConfigError,
    EventKind,
    ExecutorStats,
    PluginExecutor,
    PluginExecutorPool,
    PluginMetadata,
    RestartReason,
    ScanSkipped,
)
from support.builders import ECHO, is_echo, make_executor, make_transaction, scan
from support.watching import until

BROKEN = "export function scan_transaction(t) { return 1 +; }"


def children() -> int:
    """Processes below this one."""
    return len(psutil.Process().children(recursive=True))


async def asleep(executor: PluginExecutor) -> ExecutorStats:
    """Its stats, once it sleeps."""
    await until(lambda: executor.get_stats().state == "asleep", "sleep")
    return executor.get_stats()


async def test_lazy_start_makes_nothing() -> None:
    """Before the first scan there is no process; it comes with the scan and answers it."""
    before = children()
    async with make_executor(lazy_start=True) as executor:
        assert executor.get_stats().state == "asleep"
        assert children() == before
        assert is_echo(await scan(executor, make_transaction()))
        stats = executor.get_stats()
        assert (stats.state, stats.generation, stats.restart_count) == ("serving", 1, 0)


async def test_lazy_start_of_a_broken_plugin() -> None:
    """What start() could not tell is told by the first scan, and by every later one."""
    async with make_executor(BROKEN, lazy_start=True) as executor:
        for _ in range(2):
            with pytest.raises(ScanSkipped, match="not loaded"):
                await executor.scan_transaction(make_transaction())


async def test_idle_generation_ends_and_comes_back() -> None:
    """After its time without a scan it is gone; the next scan has a new one, and that is no restart."""
    heard: list[tuple[EventKind, str]] = []
    options: dict[str, Any] = {"on_event": lambda event: heard.append((event.kind, event.text))}
    before = children()
    async with make_executor(idle_shutdown_s=0.2, **options) as executor:
        assert is_echo(await scan(executor, make_transaction()))
        await asleep(executor)
        await until(lambda: children() == before, "the end of every process")
        results = await asyncio.gather(*(scan(executor, make_transaction()) for _ in range(20)))
        assert all(map(is_echo, results))
        stats = executor.get_stats()
        assert (stats.state, stats.generation, stats.restart_count) == ("serving", 2, 0)
        assert stats.last_restart_time is None
    assert any(kind is EventKind.RETIRE and "nothing to do" in text for kind, text in heard)
    assert children() == before


async def test_busy_generation_stays() -> None:
    """A scan that takes longer than the idle time is not idleness."""
    code = "export async function scan_transaction(t) { await new Promise((r) => setTimeout(r, 2500)); }"
    async with make_executor(code, idle_shutdown_s=0.1) as executor:
        await scan(executor, make_transaction())
        assert executor.get_stats().generation == 1


async def test_restart_and_stream_of_a_sleeping_executor() -> None:
    """It can be restarted by hand, and a stream wakes it."""
    async with make_executor(lazy_start=True, idle_shutdown_s=0.2) as executor:
        report = await executor.restart()
        assert report.reason is RestartReason.MANUAL
        await asleep(executor)
        results = [r async for r in executor.scan_many(make_transaction() for _ in range(100))]
        assert len(results) == 100
        assert all(map(is_echo, results))


async def test_standby_sleeps_too() -> None:
    """A spare of a generation that nobody needs is not needed either."""
    before = children()
    async with make_executor(idle_shutdown_s=0.2, warm_standby=True) as executor:
        await asleep(executor)
        await until(lambda: children() == before, "the end of every process")
        assert is_echo(await scan(executor, make_transaction()))


async def test_shutdown_while_asleep() -> None:
    """Nothing has to be woken to be ended."""
    executor = make_executor(idle_shutdown_s=0.2)
    await executor.start()
    await asleep(executor)
    await executor.shutdown()
    assert executor.get_stats().state == "closed"


async def test_sleeping_pool_members_share_the_work() -> None:
    """Members that sleep are woken when there is enough for them to do, and not before."""
    code = "export const scan_transaction = () => new Promise((resolve) => setTimeout(resolve, 50));"
    pool = PluginExecutorPool(PluginMetadata(id="probe"), code, 2, lazy_start=True)
    async with pool:
        await pool.scan_transaction(make_transaction())
        assert [member.generation for member in pool.get_stats().members].count(1) == 1
        await asyncio.gather(*(pool.scan_transaction(make_transaction()) for _ in range(150)))
        assert [member.generation for member in pool.get_stats().members] == [1, 1]


def test_wrong_idle_time() -> None:
    """Zero and less are no times."""
    for wrong in (0.0, -1.0):
        with pytest.raises(ConfigError, match="idle_shutdown_s"):
            PluginExecutor(PluginMetadata(id="p"), ECHO, idle_shutdown_s=wrong)
