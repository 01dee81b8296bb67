"""Restarts from outside: the scheduler's rounds, and the restart before a scan."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from isoscan import (
    AnyOf,
    ConfigError,
    Decision,
    ExecutorStateError,
    MaxExecutions,
    MaxMemory,
    PluginExecutor,
    PluginLoadError,
    RestartFailed,
    RestartReason,
    RestartScheduler,
    Verdict,
    scan_with_restart,
)
from isoscan.policies import GenerationSnapshot
from support.builders import ECHO, make_executor, make_transaction
from support.faking import make_faked
from support.watching import until


class Broken:
    """A policy with a bug of its own."""

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        raise ZeroDivisionError

    def explain(self, snapshot: GenerationSnapshot) -> str:
        return ""


async def run_scans(executor: PluginExecutor, count: int) -> None:
    """Scans that must each give their own finding."""
    transactions = [make_transaction() for _ in range(count)]
    found = await asyncio.gather(*(executor.scan_transaction(t) for t in transactions))
    assert [[f.title for f in findings] for findings in found] == [[t.id] for t in transactions]


# ---- the scheduler -------------------------------------------------------------------------------


@pytest.mark.parametrize("interval_s", [0.0, -1.0, 86_401.0, float("nan"), float("inf")])
def test_impossible_interval(interval_s: float) -> None:
    """An interval that makes no schedule is refused."""
    with pytest.raises(ConfigError):
        RestartScheduler([], interval_s=interval_s)


def test_seed_interval() -> None:
    """A minute, as in the seed."""
    assert RestartScheduler([]).interval_s == 60.0


async def test_restarts_at_the_advised_number() -> None:
    """Without a policy an executor is due at `max_executions_before_restart`, not one scan earlier."""
    async with make_executor(max_executions_before_restart=20) as executor:
        scheduler = RestartScheduler([executor])
        await run_scans(executor, 19)
        assert await scheduler.check() == 0
        await run_scans(executor, 1)
        assert await scheduler.check() == 1
        stats = executor.get_stats()
        assert stats.restarts == {RestartReason.MAX_EXECUTIONS: 1}
        assert stats.current_instance_executions == 0
        assert stats.total_executions == 20
        assert await scheduler.check() == 0
        assert (scheduler.rounds, scheduler.restarts, scheduler.errors) == (3, 1, 0)


async def test_policy_goes_before_the_advised_number() -> None:
    """With a policy only the policy decides, and its reason is the restart's."""
    async with make_executor(max_executions_before_restart=1) as executor:
        scheduler = RestartScheduler([executor], MaxExecutions(10, jitter=0.0))
        await run_scans(executor, 9)
        assert await scheduler.check() == 0
        await run_scans(executor, 1)
        assert await scheduler.check() == 1


async def test_one_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its error is counted, its old generation serves on, and the next executor is restarted."""
    bad = make_faked(tmp_path, {}, {"ready": "load_failed"}, max_executions_before_restart=1)
    async with bad, make_executor(max_executions_before_restart=1) as good:
        scheduler = RestartScheduler([bad, good])
        for executor in (bad, good):
            await run_scans(executor, 1)
        assert await scheduler.check() == 1
        assert scheduler.errors == 1
        assert (bad.get_stats().generation, good.get_stats().generation) == (1, 2)
        await run_scans(bad, 1)


async def test_one_that_does_not_serve_is_skipped() -> None:
    """Executors that are new, shut down or failed are looked at again later, and are no error."""
    new, failed = make_executor(), make_executor("export const x = 1;")
    with pytest.raises(PluginLoadError):
        await failed.start()
    async with make_executor(max_executions_before_restart=1) as over:
        await run_scans(over, 1)
    scheduler = RestartScheduler([new, failed, over], MaxExecutions(1))
    assert await scheduler.check() == 0
    assert (scheduler.errors, scheduler.rounds) == (0, 1)
    await failed.shutdown()


async def test_one_that_recovers_is_skipped(tmp_path: Path) -> None:
    """A generation that is being replaced anyway is not restarted on top of it."""
    executor = make_faked(tmp_path, {"frames": {"2": "exit:1"}}, {"ready": "stall"})
    async with executor:
        await run_scans(executor, 1)
        call = asyncio.ensure_future(executor.scan_transaction(make_transaction()))
        await until(lambda: executor.state == "recovering", "the executor recovering")
        assert await RestartScheduler([executor], MaxExecutions(1)).check() == 0
        await executor.shutdown(drain=False)
        await asyncio.gather(call, return_exceptions=True)


async def test_futile_decision_is_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    """Where a restart cannot help there is none, and the log says so."""
    async with make_executor() as executor:
        scheduler = RestartScheduler([executor], MaxMemory(1))
        await run_scans(executor, 30)
        with caplog.at_level("WARNING", logger="isoscan"):
            assert await scheduler.check() == 0
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "probe" in caplog.text
        assert executor.get_stats().restart_count == 0
        assert scheduler.errors == 0


async def test_futile_policy_does_not_silence_another() -> None:
    """Of several policies the one that can help is followed."""
    async with make_executor() as executor:
        scheduler = RestartScheduler([executor], AnyOf(MaxMemory(1), MaxExecutions(10)))
        await run_scans(executor, 30)
        assert await scheduler.check() == 1
        assert executor.get_stats().restarts == {RestartReason.MAX_EXECUTIONS: 1}


async def test_broken_policy_does_not_stop_the_timer() -> None:
    """A policy that raises is an error of that look, counted, and the next look comes."""
    async with (
        make_executor() as executor,
        RestartScheduler([executor], Broken(), interval_s=0.005) as scheduler,
    ):
        await until(lambda: scheduler.errors >= 2, "two failed looks", deadline_s=2.0)


async def test_timer() -> None:
    """The task looks at its interval, again and again, and restarts what is due."""
    async with (
        make_executor(max_executions_before_restart=5) as executor,
        RestartScheduler([executor], interval_s=0.005) as scheduler,
    ):
        await run_scans(executor, 5)
        await until(lambda: scheduler.restarts == 1, "a restart")
        seen = scheduler.rounds
        await until(lambda: scheduler.rounds > seen + 3, "further rounds")
        assert scheduler.restarts == 1
        await run_scans(executor, 5)
        await until(lambda: scheduler.restarts == 2, "a second restart")
        assert executor.get_stats().restarts == {RestartReason.MAX_EXECUTIONS: 2}


async def test_start_and_stop() -> None:
    """Start once, stop as often as one likes, and start again."""
    scheduler = RestartScheduler([], interval_s=0.002)
    await scheduler.stop()
    scheduler.start()
    with pytest.raises(ExecutorStateError):
        scheduler.start()
    await until(lambda: scheduler.rounds > 0, "a round")
    await scheduler.stop()
    await scheduler.stop()
    rounds = scheduler.rounds
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "isoscan-scheduler"]
    scheduler.start()
    await until(lambda: scheduler.rounds > rounds, "a round after the second start")
    await scheduler.stop()


async def test_stop_while_it_restarts() -> None:
    """A restart that runs is finished by its executor, without the scheduler."""
    code = "await new Promise((done) => setTimeout(done, 100));\n" + ECHO
    async with make_executor(code, max_executions_before_restart=1) as executor:
        await run_scans(executor, 1)
        scheduler = RestartScheduler([executor], interval_s=0.001)
        scheduler.start()
        await until(lambda: executor.state == "restarting", "a restart")
        await scheduler.stop()
        await until(lambda: executor.get_stats().restart_count == 1, "the restart's end")
        await run_scans(executor, 1)


async def test_executors_may_be_added_and_removed() -> None:
    """The list of executors is the caller's to change."""
    async with make_executor() as one, make_executor() as two:
        scheduler = RestartScheduler([one], MaxExecutions(1))
        for executor in (one, two):
            await run_scans(executor, 1)
        assert await scheduler.check() == 1
        scheduler.executors.append(two)
        assert await scheduler.check() == 1
        scheduler.executors.clear()
        assert await scheduler.check() == 0


# ---- before a scan -------------------------------------------------------------------------------


async def test_restart_before_a_scan_at_the_threshold() -> None:
    """The scan after the last one allowed is the new generation's first; none before is."""
    async with make_executor(max_executions_before_restart=5) as executor:
        seen: list[tuple[int, int]] = []
        for _ in range(11):
            transaction = make_transaction()
            (finding,) = await scan_with_restart(executor, transaction)
            assert finding.title == transaction.id
            stats = executor.get_stats()
            seen.append((stats.generation, stats.current_instance_executions))
        assert seen == [(1, n) for n in range(1, 6)] + [(2, n) for n in range(1, 6)] + [(3, 1)]
        assert executor.get_stats().restarts == {RestartReason.MAX_EXECUTIONS: 2}


async def test_many_callers_restart_before_scans() -> None:
    """Four hundred concurrent callers over many restarts: each gets its own finding."""
    async with make_executor(max_executions_before_restart=25, queue_size=20) as executor:
        for _ in range(4):
            transactions = [make_transaction() for _ in range(100)]
            found = await asyncio.gather(*(scan_with_restart(executor, t) for t in transactions))
            assert [[f.title for f in findings] for findings in found] == [[t.id] for t in transactions]
        stats = executor.get_stats()
        assert stats.verdicts == {Verdict.FINDINGS: 400}
        assert stats.restart_count == 3


async def test_failed_restart_before_a_scan(tmp_path: Path) -> None:
    """The caller is told; the old generation serves on."""
    executor = make_faked(tmp_path, {}, {"ready": "load_failed"}, max_executions_before_restart=1)
    async with executor:
        await scan_with_restart(executor, make_transaction())
        with pytest.raises(RestartFailed):
            await scan_with_restart(executor, make_transaction())
        assert executor.state == "serving"
        await run_scans(executor, 1)


async def test_restart_before_a_scan_when_not_started() -> None:
    """The executor's own error."""
    with pytest.raises(ExecutorStateError):
        await scan_with_restart(make_executor(), make_transaction())
