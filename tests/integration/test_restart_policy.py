"""Restarts by policy, the warm spare, and the events that tell of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from isoscan import (
    AdaptiveInterval,
    AlertRule,
    Decision,
    Event,
    EventKind,
    HttpTransaction,
    IsoscanError,
    Limits,
    MaxAge,
    MaxExecutions,
    MaxMemory,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
    RestartReason,
    ScanResult,
    Verdict,
)
from isoscan.policies import GenerationSnapshot
from support.builders import ECHO, MIB, is_echo, make_transaction, scan
from support.faking import install_fake_deno, script
from support.watching import begin, child_pids, generation_pids, until

LOOPS = """
export function scan_transaction(t) {
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""
#: Keeps 256 KiB of every scan outside V8's heap, touched, so that it is resident.
LEAKS_MUCH = """
const kept = [];
export async function scan_transaction(t) {
  kept.push(new Uint8Array(262144).fill(1));
  await new Promise((done) => setTimeout(done, 1));
  return { title: t.id };
}"""
#: Keeps 2 kB of every scan in V8's heap.
LEAKS_LITTLE = """
const kept = [];
export function scan_transaction(t) {
  kept.push(new Array(256).fill(t.request.url.length + 0.5));
  return { title: t.id };
}"""
#: Counts the scans of its generation, warm-up included.
COUNTS = """
let count = 0;
export function scan_transaction(t) {
  count += 1;
  return { title: t.id, count };
}"""
SLOW_TO_LOAD = "await new Promise((done) => setTimeout(done, 150));\n" + ECHO


class Recorder:
    """Hears every event of one executor."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, *kinds: EventKind) -> list[Event]:
        """The events of these kinds, in order."""
        return [event for event in self.events if event.kind in kinds]

    def order(self) -> list[tuple[EventKind, int]]:
        """Kind and generation of each, in order."""
        return [(event.kind, event.generation) for event in self.events]

    def clear(self) -> None:
        """Forgets what was heard."""
        self.events.clear()


def make_watched(code: str = ECHO, **options: Any) -> tuple[PluginExecutor, Recorder]:
    """An executor with the id `probe` and what hears it; limits may be mixed with its own options."""
    names = (
        "restart_policy",
        "warm_standby",
        "deno",
        "sandbox",
        "max_executions_before_restart",
        "permissions",
        "alert_rules",
    )
    own = {name: options.pop(name) for name in names if name in options}
    heard = Recorder()
    executor = PluginExecutor(
        PluginMetadata(id="probe"), code, limits=Limits(**options), on_event=heard, **own
    )
    return executor, heard


async def collect(executor: PluginExecutor, transactions: list[HttpTransaction]) -> list[ScanResult]:
    """All results of a `scan_many`, checked to be in order."""
    results = [result async for result in executor.scan_many(transactions)]
    assert [r.transaction_id for r in results] == [t.id for t in transactions]
    return results


async def run_until(
    executor: PluginExecutor, condition: Callable[[], bool], *, size: int = 200, limit: int = 400_000
) -> int:
    """Scans until the condition holds; each must give its own finding. Returns how many."""
    count = 0
    while not condition():
        assert count < limit, f"not within {limit} scans"
        assert all(map(is_echo, await collect(executor, [make_transaction() for _ in range(size)])))
        count += size
    return count


def restart_count(executor: PluginExecutor) -> int:
    """How often it was replaced."""
    return executor.get_stats().restart_count


async def until_restarts(executor: PluginExecutor, count: int) -> None:
    """Until it was replaced so often."""
    await until(lambda: restart_count(executor) == count, f"{count} restarts")


# ---- policies ------------------------------------------------------------------------------------


async def test_max_executions() -> None:
    """Restarts happen in the background, without a pause, and say their reason everywhere."""
    executor, heard = make_watched(restart_policy=MaxExecutions(50, jitter=0.0))
    async with executor:
        ran = await run_until(executor, lambda: restart_count(executor) >= 3, size=50)
        stats = executor.get_stats()
        assert set(stats.restarts) == {RestartReason.MAX_EXECUTIONS}
        assert stats.total_executions == ran == stats.verdicts[Verdict.FINDINGS]
        assert stats.longest_pause_ms == 0.0
        assert stats.last_restart is not None
        assert stats.last_restart.reason is RestartReason.MAX_EXECUTIONS
        assert stats.last_restart.pause_ms == 0.0
        assert "of 50 scans" in stats.last_restart.text
        assert "of 50 scans" in stats.policy_text
    restarts = heard.of(EventKind.RESTART)
    assert {(event.reason, event.pause_ms) for event in restarts} == {("max_executions", 0.0)}
    assert not heard.of(EventKind.KILL, EventKind.FUTILE, EventKind.RESTART_FAILED)


async def test_without_a_policy_nothing_restarts() -> None:
    """The advised number is advice only."""
    executor, heard = make_watched(max_executions_before_restart=5)
    async with executor:
        await collect(executor, [make_transaction() for _ in range(300)])
        assert executor.get_stats().policy_text == ""
    assert not heard.of(EventKind.RESTART)


async def test_max_memory_bounds_a_leak() -> None:
    """A plugin that leaks 256 KiB per scan is replaced between scans and never reaches the hard limit."""
    async with PluginExecutor(PluginMetadata(id="probe"), ECHO) as fresh:
        birth_bytes = fresh.get_stats().rss_bytes
    assert birth_bytes is not None
    soft_bytes = birth_bytes + 64 * MIB
    executor, heard = make_watched(LEAKS_MUCH, restart_policy=MaxMemory(soft_bytes), memory_bytes=1024 * MIB)
    async with executor:
        await run_until(executor, lambda: restart_count(executor) >= 3, size=100, limit=20_000)
        assert executor.get_stats().restarts == {RestartReason.MAX_MEMORY: restart_count(executor)}
    restarts = heard.of(EventKind.RESTART)
    befores = [event.rss_before_bytes or 0 for event in restarts]
    assert min(befores) >= soft_bytes * 0.9
    assert max(befores) < soft_bytes + 256 * MIB
    assert all(event.text for event in restarts)
    assert not heard.of(EventKind.KILL, EventKind.FUTILE)


async def test_max_age_while_idle() -> None:
    """Age is looked at also when no scan ever comes."""
    executor, heard = make_watched(restart_policy=MaxAge(0.05))
    async with executor:
        await until(lambda: restart_count(executor) >= 1, "a restart while idle")
        stats = executor.get_stats()
        assert set(stats.restarts) == {RestartReason.MAX_AGE}
        assert (stats.total_executions, stats.longest_pause_ms) == (0, 0.0)
        assert is_echo(await scan(executor, make_transaction()))
    assert heard.of(EventKind.RESTART)[0].reason == "max_age"


async def test_adaptive_replaces_a_leak() -> None:
    """A leak of 2 kB per scan is measured, and the restart's text holds its numbers."""
    policy = AdaptiveInterval(memory_budget_bytes=24 * MIB)
    executor, heard = make_watched(LEAKS_LITTLE, restart_policy=policy)
    async with executor:
        await run_until(executor, lambda: restart_count(executor) >= 1)
        stats = executor.get_stats()
        assert set(stats.restarts) == {RestartReason.ADAPTIVE}
        assert stats.last_restart is not None
        text = stats.last_restart.text
        assert "growth" in text
        assert "budget 24 MB" in text
        assert sum(character.isdigit() for character in text) >= 6
        assert stats.longest_pause_ms == 0.0
    assert heard.of(EventKind.RESTART)[0].text == text
    assert not heard.of(EventKind.KILL, EventKind.FUTILE)


async def test_adaptive_leaves_a_plugin_without_leak_alone() -> None:
    """Twenty thousand scans that keep nothing are no reason to restart."""
    executor, heard = make_watched(restart_policy=AdaptiveInterval(memory_budget_bytes=24 * MIB))
    async with executor:
        for _ in range(40):
            async for _ in executor.scan_many([make_transaction() for _ in range(500)]):
                pass
        stats = executor.get_stats()
        assert (stats.generation, stats.restart_count, stats.is_growth_significant) == (1, 0, False)
        assert "no restart" in stats.policy_text
    assert not heard.of(EventKind.RESTART, EventKind.FUTILE)


async def test_futile_is_said_once() -> None:
    """A fresh generation over the limit is one warning, not a loop of restarts."""
    executor, heard = make_watched(restart_policy=MaxMemory(1))
    async with executor:
        for _ in range(10):
            await collect(executor, [make_transaction() for _ in range(50)])
        assert restart_count(executor) == 0
        await executor.restart()
        await collect(executor, [make_transaction() for _ in range(50)])
        assert restart_count(executor) == 1
        (event,) = heard.of(EventKind.FUTILE)
        assert event.reason == "max_memory"
        assert event.text
        heard.clear()
        await executor.reload(ECHO)
        await collect(executor, [make_transaction() for _ in range(50)])
        assert len(heard.of(EventKind.FUTILE)) == 1, "new code is judged anew"


async def test_failed_restart_by_policy(tmp_path: Path) -> None:
    """When the replacement cannot be loaded the old generation serves on, and it is said."""
    executor, heard = make_watched(
        script({}, {"ready": "load_failed"}),
        sandbox="permissions",
        deno=install_fake_deno(tmp_path),
        restart_policy=MaxExecutions(5, jitter=0.0),
    )
    async with executor:
        await run_until(executor, lambda: bool(heard.of(EventKind.RESTART_FAILED)), size=5)
        results = await collect(executor, [make_transaction() for _ in range(100)])
        assert all(map(is_echo, results))
        assert {result.generation for result in results} == {1}
        assert restart_count(executor) == 0
        event = heard.of(EventKind.RESTART_FAILED)[0]
        assert (event.generation, event.reason) == (1, "max_executions")
        assert event.text
        assert len(heard.of(EventKind.RESTART_FAILED)) <= 2, "it is not tried after every scan"


async def test_restart_by_policy_is_tried_again(tmp_path: Path) -> None:
    """After a failed restart the policy is asked again after a while."""
    executor, heard = make_watched(
        script({}, {"ready": "load_failed"}, {}),
        sandbox="permissions",
        deno=install_fake_deno(tmp_path),
        restart_policy=MaxExecutions(5, jitter=0.0),
    )
    async with executor:
        await run_until(executor, lambda: restart_count(executor) >= 1, size=5)
    kinds = [event.kind for event in heard.of(EventKind.RESTART_FAILED, EventKind.RESTART)]
    assert kinds[:2] == [EventKind.RESTART_FAILED, EventKind.RESTART]


async def test_broken_policy_costs_no_scan() -> None:
    """A policy that raises is its author's fault: every scan still ends with its own finding."""

    class Broken:
        def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
            raise ZeroDivisionError

        def explain(self, snapshot: GenerationSnapshot) -> str:
            return ""

    executor, _ = make_watched(restart_policy=Broken())
    await executor.start()
    try:
        async with asyncio.timeout(3.0):
            results = await collect(executor, [make_transaction() for _ in range(50)])
    finally:
        await executor.shutdown(drain=False)
    assert all(map(is_echo, results))


async def test_shutdown_while_a_policy_restarts() -> None:
    """The end of the executor ends the restart with it, whichever step it is at."""
    executor, _ = make_watched(SLOW_TO_LOAD, restart_policy=MaxExecutions(1))
    await executor.start()
    await scan(executor, make_transaction())
    await until(lambda: executor.state == "restarting", "a restart by policy")
    await executor.shutdown()
    assert not child_pids()


async def test_shutdown_while_a_caller_restarts() -> None:
    """The caller of a restart that a shutdown cut short gets an error of isoscan, not a cancellation."""
    executor, _ = make_watched(SLOW_TO_LOAD)
    await executor.start()
    restart = begin(executor.restart())
    await until(lambda: len(generation_pids()) == 2, "a replacement")
    await executor.shutdown()
    await asyncio.wait([restart])
    assert not restart.cancelled()
    assert isinstance(restart.exception(), IsoscanError)


# ---- warm standby --------------------------------------------------------------------------------


def has_standby(heard: Recorder, count: int) -> Callable[[], bool]:
    """Whether as many generations were started as this, and all are alive."""
    return lambda: len(heard.of(EventKind.START)) == count and len(generation_pids()) == 2


async def until_spare(executor: PluginExecutor, heard: Recorder, count: int) -> None:
    """Until the spare is loaded: its number of starts, and nothing more to prepare."""
    await until(has_standby(heard, count), "a spare process")
    await until(lambda: not is_refilling(), "a ready spare")


def is_refilling() -> bool:
    """Whether a spare is being made."""
    return any(task.get_name().startswith("isoscan-standby") for task in asyncio.all_tasks())


async def kill_occupant(executor: PluginExecutor) -> None:
    """A SIGKILL from outside for the process that serves."""
    occupant = executor._slot.occupant
    assert occupant is not None
    psutil.Process(occupant.pid).kill()


async def test_spare_takes_over_after_a_kill() -> None:
    """The next generation was alive before the old one died."""
    executor, heard = make_watched(warm_standby=True)
    async with executor:
        await until_spare(executor, heard, 2)
        await kill_occupant(executor)
        result = await scan(executor, make_transaction())
        assert is_echo(result)
        assert result.generation == 2
        order = heard.order()
        assert order.index((EventKind.START, 2)) < order.index((EventKind.KILL, 1))
        assert order.index((EventKind.KILL, 1)) < order.index((EventKind.READY, 2))
        await until_spare(executor, heard, 3)
        assert executor.get_stats().restarts == {RestartReason.CRASH: 1}
    assert not child_pids()


async def test_spare_is_used_for_a_restart() -> None:
    """A restart takes the spare and makes the next one ready."""
    executor, heard = make_watched(warm_standby=True)
    async with executor:
        await until_spare(executor, heard, 2)
        assert (await executor.restart()).generation == 2
        await until_spare(executor, heard, 3)
        assert (await executor.restart()).generation == 3


async def test_warm_up_counts_for_nothing() -> None:
    """The spare has scanned before it serves, but nobody sees a result, a count or a verdict of it."""
    executor, heard = make_watched(COUNTS, warm_standby=True)
    async with executor:
        await until_spare(executor, heard, 2)
        await collect(executor, [make_transaction() for _ in range(5)])
        await executor.restart()
        await until_spare(executor, heard, 3)
        before = executor.get_stats()
        await kill_occupant(executor)
        await until(lambda: restart_count(executor) == 2, "the recovery")
        stats = executor.get_stats()
        assert (stats.generation, stats.current_instance_executions) == (3, 0)
        assert stats.total_executions == before.total_executions == 5
        assert stats.verdicts == before.verdicts == {Verdict.FINDINGS: 5}
        result = await scan(executor, make_transaction())
        assert is_echo(result)
        assert result.findings[0].extra["count"] > 1, "it was not warmed up"
        assert executor.get_stats().current_instance_executions == 1


async def test_spare_of_an_older_version_is_not_used() -> None:
    """After a reload neither the occupant nor any later generation runs the old code."""
    code = "export const scan_transaction = (t) => ({{ title: t.id, version: {} }});"
    executor, heard = make_watched(code.format(0), warm_standby=True)
    async with executor:
        await until_spare(executor, heard, 2)
        await executor.reload(code.format(1))
        versions = []
        for kills in range(3):
            results = await collect(executor, [make_transaction() for _ in range(5)])
            versions += [result.findings[0].extra["version"] for result in results]
            await kill_occupant(executor)
            await until_restarts(executor, 2 + kills)
        assert set(versions) == {1}


async def test_spare_of_an_older_version_that_was_still_loading() -> None:
    """A spare that got ready after the reload is still of the old version, and is not used."""
    code = "await new Promise((done) => setTimeout(done, {}));\n"
    text = code + "export const scan_transaction = (t) => ({{ title: t.id, version: {} }});"
    executor, heard = make_watched(text.format(150, 0), warm_standby=True)
    async with executor:
        await until(lambda: len(heard.of(EventKind.START)) == 2, "a spare that loads")
        await executor.reload(text.format(0, 1))
        await until(lambda: len(generation_pids()) == 2, "a spare")
        await kill_occupant(executor)
        result = await scan(executor, make_transaction())
        assert result.findings[0].extra["version"] == 1


async def test_spare_that_died_is_replaced() -> None:
    """A spare killed from outside is made anew: each change of occupant should find one."""
    executor, heard = make_watched(warm_standby=True)
    async with executor:
        await until_spare(executor, heard, 2)
        occupant = executor._slot.occupant
        assert occupant is not None
        (spare,) = generation_pids() - {occupant.pid}
        psutil.Process(spare).kill()
        assert is_echo(await scan(executor, make_transaction()))
        await until(has_standby(heard, 3), "another spare", deadline_s=3.0)


async def test_spare_survives_a_bad_reload() -> None:
    """A version that was refused costs the spare of the version that serves on only a moment."""
    executor, heard = make_watched(warm_standby=True)
    async with executor:
        await until_spare(executor, heard, 2)
        with pytest.raises(PluginLoadError):
            await executor.reload("throw new Error('no');")
        assert is_echo(await scan(executor, make_transaction()))
        await until(lambda: len(generation_pids()) == 2, "a spare", deadline_s=3.0)


async def test_spare_that_cannot_be_made(tmp_path: Path) -> None:
    """The occupant serves on without one, and it is said."""
    executor, heard = make_watched(
        script({}, {"ready": "load_failed"}),
        sandbox="permissions",
        deno=install_fake_deno(tmp_path),
        warm_standby=True,
    )
    async with executor:
        await until(lambda: bool(heard.of(EventKind.RESTART_FAILED)), "a failed spare")
        assert is_echo(await scan(executor, make_transaction()))
        assert restart_count(executor) == 0


async def test_shutdown_while_a_spare_loads() -> None:
    """A spare that is not ready yet ends with the executor."""
    executor, heard = make_watched(SLOW_TO_LOAD, warm_standby=True)
    await executor.start()
    await until(lambda: len(heard.of(EventKind.START)) == 2, "a spare that loads")
    await executor.shutdown()
    assert not child_pids()


# ---- events --------------------------------------------------------------------------------------


async def test_events_of_a_restart() -> None:
    """Start, ready, then the restart and the retirement of the old one."""
    executor, heard = make_watched()
    async with executor:
        assert heard.order() == [(EventKind.START, 1), (EventKind.READY, 1)]
        heard.clear()
        report = await executor.restart()
        order = heard.order()
        assert order[:2] == [(EventKind.START, 2), (EventKind.READY, 2)]
        assert set(order[2:]) == {(EventKind.RESTART, 2), (EventKind.RETIRE, 1)}
        assert len(order) == 4
        (event,) = heard.of(EventKind.RESTART)
        assert (event.reason, event.pause_ms, event.duration_ms) == ("manual", 0.0, report.duration_ms)
        assert event.plugin_id == "probe"
    assert len(heard.events) == 4


async def test_events_of_a_timeout() -> None:
    """A kill says why, and the recovery's restart says the same."""
    executor, heard = make_watched(LOOPS, timeout_s=0.1)
    async with executor:
        heard.clear()
        assert (await scan(executor, make_transaction("/loop"))).verdict is Verdict.TIMEOUT
        await until(lambda: restart_count(executor) == 1, "the recovery")
        assert heard.order() == [
            (EventKind.KILL, 1),
            (EventKind.START, 2),
            (EventKind.READY, 2),
            (EventKind.RESTART, 2),
        ]
        assert (heard.events[0].reason, heard.events[3].reason) == ("timeout", "timeout")
        assert "/loop" not in "".join(event.line() for event in heard.events)


async def test_events_of_a_quarantine() -> None:
    """Quarantine, then probation when the back-off is over and a scan comes."""
    executor, heard = make_watched(LOOPS, timeout_s=0.1, max_consecutive_deaths=1, quarantine_s=0.05)
    async with executor:
        heard.clear()
        await scan(executor, make_transaction("/loop"))
        assert heard.order() == [(EventKind.KILL, 1), (EventKind.QUARANTINE, 1)]
        assert heard.events[1].text
        await until(lambda: executor.get_stats().quarantined_for_s == 0.0, "the back-off's end")
        assert is_echo(await scan(executor, make_transaction()))
        assert [kind for kind, _ in heard.order()[2:4]] == [EventKind.PROBATION, EventKind.START]


@pytest.mark.parametrize("kind", ["quarantined", "failed"])
async def test_callers_held_back_are_freed(kind: str, tmp_path: Path) -> None:
    """Callers that wait for room are let on when the plugin is refused: nobody waits for ever."""
    if kind == "quarantined":
        life: dict[str, Any] = {"frames": {"1": "stall"}}
        options: dict[str, Any] = {"max_consecutive_deaths": 1, "quarantine_s": 60.0}
    else:
        life, options = {"frames": {"1": "exit:1"}}, {}
    executor, _ = make_watched(
        script(life, {"ready": "load_failed"}),
        sandbox="permissions",
        deno=install_fake_deno(tmp_path),
        timeout_s=0.1,
        queue_size=1,
        **options,
    )
    await executor.start()
    calls = [begin(executor.scan_transaction(make_transaction())) for _ in range(10)]
    _, waiting = await asyncio.wait(calls, timeout=3.0)
    state = executor.state
    await executor.shutdown(drain=False)
    await asyncio.gather(*calls, return_exceptions=True)
    assert state == kind
    assert not waiting


async def test_hook_that_raises() -> None:
    """A hook's own fault changes nothing for scans and restarts."""

    def bad(event: Event) -> None:
        raise ZeroDivisionError

    async with PluginExecutor(
        PluginMetadata(id="probe"), ECHO, on_event=bad, restart_policy=MaxExecutions(20)
    ) as executor:
        await run_until(executor, lambda: restart_count(executor) >= 2, size=20)
        await executor.restart()


async def test_new_code_does_not_inherit_what_the_old_one_taught() -> None:
    """After a reload nothing is learned yet, although the old generation ended after the new one came."""
    leak = "const kept = []; export function scan_transaction(t) { kept.push(new Array(256).fill(0.5)); }"
    policy = AdaptiveInterval(memory_budget_bytes=2**40)
    metadata = PluginMetadata(id="probe")
    async with PluginExecutor(metadata, leak, restart_policy=policy) as executor:
        while executor.get_stats().growth_bytes_per_execution is None:
            async for _ in executor.scan_many([make_transaction() for _ in range(500)]):
                pass
        await executor.reload("export function scan_transaction(t) {}")
        snapshot = executor.snapshot()
    assert snapshot is not None
    assert snapshot.learned is None


async def test_events_of_an_alert() -> None:
    """A rule that begins to fire is an event with its numbers, once."""
    rule = AlertRule(name="much used", metric="executions_of_threshold", threshold=0.5, text="old")
    executor, heard = make_watched(max_executions_before_restart=2, alert_rules=[rule])
    async with executor:
        await scan(executor, make_transaction())
        await until(lambda: len(heard.of(EventKind.ALERT)) == 1, "the alert")
        (event,) = heard.of(EventKind.ALERT)
        assert (event.reason, event.text) == ("much used", "warning: old (much used: 0.5, alarm at 0.5)")


async def test_leak_is_seen_without_policy() -> None:
    """Growth shows in the stats also where nothing restarts because of it."""
    executor, _ = make_watched(LEAKS_LITTLE)
    async with executor:
        async for _result in executor.scan_many(make_transaction() for _ in range(3_000_000)):
            if executor.get_stats().is_growth_significant:
                break
        growth = executor.get_stats().growth_bytes_per_execution
        assert growth is not None
        assert 1900 < growth < 2400
