"""The pool: several members behind one door, restarted one at a time, and nothing lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psutil
import pytest

from isoscan import (
    ConfigError,
    Decision,
    Event,
    EventKind,
    ExecutorStateError,
    HttpTransaction,
    Limits,
    MaxExecutions,
    PluginExecutor,
    PluginExecutorPool,
    PluginLoadError,
    PluginMetadata,
    RestartReason,
    ScanInterrupted,
    ScanResult,
    Verdict,
)
from isoscan.policies import GenerationSnapshot
from support.builders import ECHO, MIB, is_echo, make_transaction
from support.faking import install_fake_deno, script
from support.watching import begin, child_pids, generation_pids, until

BUSY = {"restarting", "recovering", "starting"}
LOOPS = """
export function scan_transaction(t) {
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""
SLOW = """
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 2));
  return { title: t.id };
}"""
VERSION = "export const scan_transaction = (t) => ({{ title: t.id, version: {} }});"


class Switched:
    """A policy that wants a restart as long as the test says so."""

    is_due = False

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        return Decision(RestartReason.MAX_AGE, "switched on") if self.is_due else None

    def explain(self, snapshot: GenerationSnapshot) -> str:
        return ""


def make_pool(code: str = ECHO, size: int = 3, **options: Any) -> PluginExecutorPool:
    """A pool with the id `probe` whose members are allowed little memory."""
    limits = options.pop("limits", None) or Limits(memory_bytes=200 * MIB)
    return PluginExecutorPool(PluginMetadata(id="probe"), code, size, limits=limits, **options)


def make_faked_pool(folder: Path, *lives: dict[str, Any], size: int, **options: Any) -> PluginExecutorPool:
    """A pool whose generations, in the order they are born, are fakes that live `lives`."""
    return make_pool(script(*lives), size, sandbox="permissions", deno=install_fake_deno(folder), **options)


async def collect(pool: PluginExecutorPool, transactions: list[HttpTransaction]) -> list[ScanResult]:
    """All results of a `scan_many`, checked to be in order."""
    results = [result async for result in pool.scan_many(transactions)]
    assert [r.transaction_id for r in results] == [t.id for t in transactions]
    return results


async def is_served(pool: PluginExecutorPool) -> bool:
    """Whether a scan of `ECHO` gets its own finding."""
    transaction = make_transaction()
    return [f.title for f in await pool.scan_transaction(transaction)] == [transaction.id]


def test_three_members_by_default() -> None:
    """The seed's size, and members that are not started yet."""
    pool = PluginExecutorPool(PluginMetadata(id="probe"), ECHO)
    assert pool.size == 3
    assert pool.metadata.id == "probe"
    assert [member.state for member in pool.get_stats().members] == ["new"] * 3


@pytest.mark.parametrize("size", [0, -1, 1025])
def test_impossible_size(size: int) -> None:
    """A size that makes no pool is refused and named."""
    with pytest.raises(ConfigError) as caught:
        PluginExecutorPool(PluginMetadata(id="probe"), ECHO, size)
    assert str(size) in str(caught.value)


# ---- scanning ------------------------------------------------------------------------------------


async def test_two_thousand_scans_with_restarts_by_policy() -> None:
    """Each scan ends once, with its own id, in input order, while members are replaced again and again."""
    async with make_pool(SLOW, restart_policy=MaxExecutions(100)) as pool:
        results = await collect(pool, [make_transaction() for _ in range(2000)])
        assert all(map(is_echo, results))
        stats = pool.get_stats()
        assert stats.total_executions == 2000
        assert sum(member.verdicts.get(Verdict.FINDINGS, 0) for member in stats.members) == 2000
        assert stats.restart_count >= 3
        assert all(member.total_executions for member in stats.members)
        assert all(set(m.restarts) <= {RestartReason.MAX_EXECUTIONS} for m in stats.members)


async def test_never_two_members_restart_at_once() -> None:
    """Members that fall due together still restart one after the other."""
    most = 0

    def look(event: Event) -> None:
        nonlocal most
        most = max(most, sum(member.state in BUSY for member in pool.get_stats().members))

    pool = make_pool(restart_policy=MaxExecutions(40, jitter=0.0), on_event=look)
    async with pool:
        most = 0
        while pool.get_stats().restart_count < 5:
            results = await collect(pool, [make_transaction() for _ in range(240)])
            assert all(map(is_echo, results))
        highest, most = most, 0
    assert highest == 1


async def test_members_due_in_the_same_turn_restart_one_after_the_other() -> None:
    """Two decisions in one turn of the loop, before either restart has begun, start one restart only."""
    policy = Switched()
    most = 0

    def look(event: Event) -> None:
        nonlocal most
        most = max(most, sum(member.state == "restarting" for member in pool.get_stats().members))

    pool = make_pool(size=2, restart_policy=policy, on_event=look)
    async with pool:
        policy.is_due = True
        for member in pool._members:
            assert member._slot.occupant is not None
            member._slot._consider(member._slot.occupant, asyncio.get_running_loop().time())
        policy.is_due = False
        await until(lambda: pool.get_stats().restart_count > 0, "a restart by policy")
        await until(lambda: pool.get_stats().serving == 2, "both serving")
    assert most == 1


async def test_default_policy_is_the_advised_number() -> None:
    """Without a policy members restart at `max_executions_before_restart`."""
    async with make_pool(size=2, max_executions_before_restart=20) as pool:
        await collect(pool, [make_transaction() for _ in range(100)])
        await until(lambda: pool.get_stats().restart_count > 0, "a restart by policy")
        last = [member.last_restart for member in pool.get_stats().members if member.last_restart]
        assert {report.reason for report in last} == {RestartReason.MAX_EXECUTIONS}
        assert {report.pause_ms for report in last} == {0.0}


async def test_concurrent_callers() -> None:
    """Five hundred callers at once, more than the queues hold: each gets its own finding."""
    limits = Limits(memory_bytes=200 * MIB, queue_size=10)
    async with make_pool(limits=limits) as pool:
        transactions = [make_transaction() for _ in range(500)]
        found = await asyncio.gather(*(pool.scan_transaction(t) for t in transactions))
    assert [[f.title for f in findings] for findings in found] == [[t.id] for t in transactions]


async def test_a_blocked_member_gets_no_more_work() -> None:
    """While one member is held up by a scan, the idle ones get everything else."""
    limits = Limits(memory_bytes=200 * MIB, timeout_s=60.0)
    async with make_pool(LOOPS, limits=limits) as pool:
        loop = begin(pool.scan_transaction(make_transaction("/loop")))
        await until(lambda: pool.get_stats().in_flight == 1, "the scan in flight")
        for _ in range(60):
            assert await is_served(pool)
        loads = sorted((m.in_flight, m.queued, m.total_executions) for m in pool.get_stats().members)
        assert loads[2] == (1, 0, 0)
        assert sum(executions for _, _, executions in loads) == 60
        assert all(executions for _, _, executions in loads[:2])
        assert await pool.terminate_execution() is True
        with pytest.raises(ScanInterrupted):
            await loop
        assert await pool.terminate_execution() is False


async def test_killed_member_under_load() -> None:
    """A SIGKILL of one member's process costs nobody a result."""
    async with make_pool(SLOW) as pool:
        work = begin(collect(pool, [make_transaction() for _ in range(300)]))
        await until(lambda: all(m.in_flight for m in pool.get_stats().members), "all members busy")
        psutil.Process(min(generation_pids())).kill()
        assert all(map(is_echo, await work))
        await until(lambda: pool.get_stats().serving == 3, "all members serving again")
        assert pool.get_stats().restart_count == 1


async def test_recovering_member_is_not_chosen(tmp_path: Path) -> None:
    """As long as another serves, a member whose process died gets nothing."""
    pool = make_faked_pool(tmp_path, {}, {}, {"ready": "stall"}, size=2)
    async with pool:
        psutil.Process(min(generation_pids())).kill()
        await until(lambda: pool.get_stats().serving == 1, "a member recovering")
        assert all(map(is_echo, await collect(pool, [make_transaction() for _ in range(100)])))
        assert await is_served(pool)
        (idle,) = (m for m in pool.get_stats().members if m.state != "serving")
        assert (idle.state, idle.total_executions, idle.queued) == ("recovering", 0, 0)


async def test_restarting_member_is_not_chosen(tmp_path: Path) -> None:
    """As long as another serves, a member that is replaced gets nothing new."""
    pool = make_faked_pool(tmp_path, {}, {}, {"ready": "stall"}, size=2)
    async with pool:
        restart = begin(pool.restart())
        await until(lambda: pool.get_stats().serving == 1, "a member restarting")
        assert all(map(is_echo, await collect(pool, [make_transaction() for _ in range(100)])))
        (idle,) = (m for m in pool.get_stats().members if m.state != "serving")
        assert (idle.state, idle.total_executions, idle.queued) == ("restarting", 0, 0)
        restart.cancel()
        await asyncio.wait([restart])


async def test_stream_left_early() -> None:
    """A consumer that breaks off leaves a pool that serves on."""
    async with make_pool(SLOW) as pool:
        stream = pool.scan_many(make_transaction() for _ in range(10_000))
        async for result in stream:
            assert is_echo(result)
            break
        await stream.aclose()  # type: ignore[attr-defined]
        assert await is_served(pool)
        assert pool.get_stats().queued == 0


# ---- start and end -------------------------------------------------------------------------------


async def test_not_started() -> None:
    """Every verb says that the pool is not started, and nothing is begun."""
    pool = make_pool()
    with pytest.raises(ExecutorStateError):
        await pool.scan_transaction(make_transaction())
    with pytest.raises(ExecutorStateError):
        pool.scan_many([])
    for verb in (pool.restart, pool.reload, pool.terminate_execution):
        with pytest.raises(ExecutorStateError):
            await verb()
    with pytest.raises(ExecutorStateError):
        await pool.resize(2)


async def test_shut_down() -> None:
    """After the end every verb is refused, and a second end does nothing."""
    pool = make_pool(size=2)
    await pool.start()
    assert await is_served(pool)
    await pool.shutdown()
    assert not child_pids()
    with pytest.raises(ExecutorStateError):
        await pool.scan_transaction(make_transaction())
    with pytest.raises(ExecutorStateError):
        pool.scan_many([])
    with pytest.raises(ExecutorStateError):
        await pool.resize(1)
    await pool.shutdown()
    assert [member.state for member in pool.get_stats().members] == ["closed"] * 2


async def test_second_start_is_refused_and_the_pool_serves_on() -> None:
    """Starting what runs is the caller's mistake; it must not end what runs."""
    async with make_pool(size=2) as pool:
        pids = generation_pids()
        with pytest.raises(ExecutorStateError):
            await pool.start()
        assert generation_pids() == pids
        assert await is_served(pool)


async def test_failed_start_leaves_nothing() -> None:
    """A plugin that cannot be loaded fails the start with its own error."""
    pool = make_pool("export const x = 1;")
    with pytest.raises(PluginLoadError):
        await pool.start()
    assert not child_pids()
    with pytest.raises(ExecutorStateError):
        await pool.scan_transaction(make_transaction())


async def test_start_of_one_member_fails(tmp_path: Path) -> None:
    """Members that did start end with the one that did not, and the next start is whole."""
    pool = make_faked_pool(tmp_path, {}, {"ready": "load_failed"}, {}, size=3)
    with pytest.raises(PluginLoadError):
        await pool.start()
    assert not child_pids()
    async with pool:
        assert pool.get_stats().serving == 3
        assert await is_served(pool)


async def test_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    """A start that its caller gives up ends the members that were ready already."""
    pool = make_faked_pool(tmp_path, {}, {"ready": "stall"}, {}, size=3)
    start = begin(pool.start())
    await until(lambda: pool.get_stats().serving == 2, "two members ready")
    start.cancel()
    await asyncio.wait([start])
    left = child_pids()
    await pool.shutdown(drain=False)  # so that a failure here does not spill over
    assert not left


async def test_memory_ceiling() -> None:
    """A pool that cannot fit is refused before anything starts, with the sum written out."""
    limits = Limits(memory_bytes=100 * MIB)
    pool = make_pool(size=3, limits=limits, memory_ceiling_bytes=400 * MIB - 1)
    with pytest.raises(ConfigError) as caught:
        await pool.start()
    assert all(number in str(caught.value) for number in ("3 members", "1 replacement", "100 MiB", "400 MiB"))
    assert not child_pids()


async def test_memory_ceiling_that_just_fits() -> None:
    """Members and one replacement may fill the ceiling; a resize beyond it is refused."""
    limits = Limits(memory_bytes=100 * MIB)
    async with make_pool(size=1, limits=limits, memory_ceiling_bytes=200 * MIB) as pool:
        with pytest.raises(ConfigError) as caught:
            await pool.resize(2)
        assert "300 MiB" in str(caught.value)
        assert pool.size == 1
        assert await is_served(pool)


async def test_memory_ceiling_counts_standbys() -> None:
    """Each spare is a generation more."""
    limits = Limits(memory_bytes=100 * MIB)
    pool = make_pool(size=2, limits=limits, memory_ceiling_bytes=499 * MIB, warm_standby=True)
    with pytest.raises(ConfigError) as caught:
        await pool.start()
    assert "500 MiB" in str(caught.value)


async def test_shutdown_drains() -> None:
    """What was accepted is finished first."""
    pool = make_pool(SLOW)
    await pool.start()
    transactions = [make_transaction() for _ in range(200)]
    calls = [begin(pool.scan_transaction(t)) for t in transactions]
    await until(lambda: pool.get_stats().in_flight > 0, "scans in flight")
    await pool.shutdown()
    found = await asyncio.gather(*calls)
    assert [[f.title for f in findings] for findings in found] == [[t.id] for t in transactions]


async def test_shutdown_without_draining() -> None:
    """What is not finished ends as interrupted or is refused; nobody waits on."""
    limits = Limits(memory_bytes=200 * MIB, timeout_s=60.0, queue_size=5)
    pool = make_pool(LOOPS, limits=limits)
    await pool.start()
    calls = [begin(pool.scan_transaction(make_transaction("/loop"))) for _ in range(100)]
    await until(lambda: pool.get_stats().in_flight >= 3, "scans in flight")
    await pool.shutdown(drain=False)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {ScanInterrupted, ExecutorStateError}
    assert sum(isinstance(outcome, ScanInterrupted) for outcome in outcomes) >= 3


async def test_error_in_the_block_does_not_drain() -> None:
    """When the `async with` block fails, its error comes at once, not after the queue."""
    limits = Limits(memory_bytes=200 * MIB, timeout_s=600.0)
    with pytest.raises(ZeroDivisionError):
        async with make_pool(LOOPS, 2, limits=limits) as pool:
            call = begin(pool.scan_transaction(make_transaction("/loop")))
            await until(lambda: pool.get_stats().in_flight == 1, "the scan in flight")
            raise ZeroDivisionError
    with pytest.raises(ScanInterrupted):
        await call


# ---- replacing -----------------------------------------------------------------------------------


async def test_rolling_restart() -> None:
    """One report per member, one member after the other, the others serving meanwhile."""
    states: list[int] = []

    def look(event: Event) -> None:
        states.append(pool.get_stats().serving)

    pool = make_pool(on_event=look)
    async with pool:
        states.clear()
        old = generation_pids()
        work = begin(collect(pool, [make_transaction() for _ in range(500)]))
        reports = await pool.restart()
        assert all(map(is_echo, await work))
        assert [(r.previous_generation, r.generation, r.reason) for r in reports] == [
            (1, 2, RestartReason.MANUAL)
        ] * 3
        assert [report.pause_ms for report in reports] == [0.0] * 3
        assert not old & generation_pids()
        assert len(generation_pids()) == 3
        assert min(states) >= 2


async def test_rolling_restart_keeps_apart_from_the_policy() -> None:
    """While a member is replaced by policy, a rolling restart does not begin with another one."""
    code = "await new Promise((done) => setTimeout(done, 150));\n" + ECHO
    states: list[int] = []

    def look(event: Event) -> None:
        states.append(pool.get_stats().serving)

    pool = make_pool(code, 2, restart_policy=MaxExecutions(5, jitter=0.0), on_event=look)
    async with pool:
        states.clear()
        second = pool._members[1]
        for _ in range(5):
            await second.scan_transaction(make_transaction())
        await until(lambda: second.state == "restarting", "the second member restarting")
        await pool.restart()
        lowest = min(states)
    assert lowest >= 1


async def test_good_reload() -> None:
    """All members get the new code, also those that come later, and no scan is lost."""
    async with make_pool(VERSION.format(0)) as pool:
        work = begin(collect(pool, [make_transaction() for _ in range(500)]))
        reports = await pool.reload(VERSION.format(1))
        assert all(map(is_echo, await work))
        assert [report.reason for report in reports] == [RestartReason.RELOAD] * 3
        await pool.resize(4)
        await pool.restart()
        results = await collect(pool, [make_transaction() for _ in range(100)])
        assert {result.findings[0].extra["version"] for result in results} == {1}
        assert all(member.total_executions for member in pool.get_stats().members)


async def test_bad_reload() -> None:
    """The first member is the trial: when it refuses the code, all serve the old one, also new members."""
    async with make_pool(VERSION.format(0)) as pool:
        pids = generation_pids()
        with pytest.raises(PluginLoadError):
            await pool.reload("throw new Error('no');")
        assert pids == generation_pids()
        await pool.resize(4)
        results = await collect(pool, [make_transaction() for _ in range(100)])
        assert {result.findings[0].extra["version"] for result in results} == {0}
        assert pool.get_stats().restart_count == 0


async def test_from_file(tmp_path: Path) -> None:
    """A pool of a plugin file knows the module's own metadata, and reads the file again."""
    path = tmp_path / "plugin.ts"
    text = 'export const metadata = {{ id: "filed", name: "F", version: "1.0.0" }};\n' + VERSION
    path.write_text(text.format(0), encoding="utf-8")
    async with PluginExecutorPool.from_file(path, 2, limits=Limits(memory_bytes=200 * MIB)) as pool:
        assert pool.metadata.id == "filed"
        path.write_text(text.format(1), encoding="utf-8")
        assert len(await pool.reload()) == 2
        results = await collect(pool, [make_transaction() for _ in range(20)])
        assert {result.findings[0].extra["version"] for result in results} == {1}
        assert {result.plugin_id for result in results} == {"filed"}


async def test_reload_without_code_or_file() -> None:
    """A pool made from text cannot read its file again."""
    async with make_pool(size=1) as pool:
        with pytest.raises(ConfigError):
            await pool.reload()
        assert await is_served(pool)


# ---- resize --------------------------------------------------------------------------------------


async def test_resize_under_load() -> None:
    """Growing and shrinking while scans run loses nothing, and members that leave are gone."""
    async with make_pool(SLOW, 1) as pool:
        work = begin(collect(pool, [make_transaction() for _ in range(800)]))
        for size in (4, 2, 3, 1, 2):
            await pool.resize(size)
            assert pool.size == size
            assert pool.get_stats().size == size
        assert all(map(is_echo, await work))
        await until(lambda: len(generation_pids()) == 2, "members that left are gone")


async def test_resize_to_the_same_size() -> None:
    """Nothing begins and nothing ends."""
    async with make_pool(size=2) as pool:
        pids = generation_pids()
        await pool.resize(2)
        assert generation_pids() == pids


async def test_members_that_leave_finish_what_they_have() -> None:
    """A scan that runs on a member that leaves ends as it should, also when the pool ends first."""
    limits = Limits(memory_bytes=200 * MIB)
    async with make_pool(SLOW, 3, limits=limits) as pool:
        transactions = [make_transaction() for _ in range(90)]
        calls = [begin(pool.scan_transaction(t)) for t in transactions]
        await until(lambda: all(m.in_flight for m in pool.get_stats().members), "all members busy")
        await pool.resize(1)
    found = await asyncio.gather(*calls)
    assert [[f.title for f in findings] for findings in found] == [[t.id] for t in transactions]


async def test_failed_resize_leaves_the_old_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a new member cannot start, those that could are ended and the pool is as before."""
    pool = make_faked_pool(tmp_path, {}, {"ready": "load_failed"}, {}, size=1)
    made: list[PluginExecutor] = []
    make = pool._make

    def remember() -> PluginExecutor:
        made.append(make())
        return made[-1]

    async with pool:
        monkeypatch.setattr(pool, "_make", remember)
        with pytest.raises(PluginLoadError):
            await pool.resize(3)
        assert pool.size == 1
        assert await is_served(pool)
        await until(lambda: all(member.state != "starting" for member in made), "no member starting")
        states = {member.state for member in made}
        await asyncio.gather(*(member.shutdown() for member in made))  # a failure here must not spill over
    assert "serving" not in states


@pytest.mark.parametrize("size", [0, 1025])
async def test_impossible_resize(size: int) -> None:
    """A size that makes no pool is refused, and the pool serves on."""
    async with make_pool(size=1) as pool:
        with pytest.raises(ConfigError):
            await pool.resize(size)
        assert await is_served(pool)


# ---- what it shows -------------------------------------------------------------------------------


async def test_stats_are_sums_over_members() -> None:
    """The pool's numbers are its members' numbers."""
    async with make_pool(size=2) as pool:
        await collect(pool, [make_transaction() for _ in range(50)])
        stats = pool.get_stats()
        assert (stats.size, stats.serving, stats.queued, stats.in_flight) == (2, 2, 0, 0)
        assert stats.total_executions == sum(m.total_executions for m in stats.members) == 50
        assert stats.rss_bytes > 2 * MIB
        assert "probe" in repr(pool)
        assert repr(pool).count("serving") == 2


async def test_events_of_all_members_reach_the_hook() -> None:
    """One hook hears every member."""
    heard: list[EventKind] = []
    async with make_pool(size=2, on_event=lambda event: heard.append(event.kind)) as pool:
        await pool.restart()
    assert heard.count(EventKind.READY) == 4
    assert heard.count(EventKind.RESTART) == 2
