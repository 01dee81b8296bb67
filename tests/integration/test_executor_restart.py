"""Restart, reload and terminate: the occupant is replaced, and no accepted scan is lost."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import psutil
import pytest

from isoscan import (
    ConfigError,
    HttpTransaction,
    IsoscanError,
    PluginExecutor,
    PluginLoadError,
    RestartFailed,
    RestartReason,
    ScanInterrupted,
    ScanResult,
    Verdict,
)
from support.builders import ECHO, is_echo, make_executor, make_transaction, scan
from support.faking import make_faked
from support.watching import begin, child_pids, generation_pids, until

#: Loops on `/loop`, echoes elsewhere.
LOOPS = """
export function scan_transaction(t) {
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""
SLOW = """
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 5));
  return { title: t.id };
}"""


async def collect(executor: PluginExecutor, transactions: list[HttpTransaction]) -> list[ScanResult]:
    """All results of a `scan_many`, checked to be in order."""
    results = [result async for result in executor.scan_many(transactions)]
    assert [r.transaction_id for r in results] == [t.id for t in transactions]
    return results


async def call_each(executor: PluginExecutor, transactions: list[HttpTransaction]) -> None:
    """One caller per transaction, at once; each must get its own finding."""
    found = await asyncio.gather(*(executor.scan_transaction(t) for t in transactions))
    assert [[f.title for f in findings] for findings in found] == [[t.id] for t in transactions]


async def test_restart_replaces_the_generation() -> None:
    """The report names both generations, and the stats count the restart."""
    async with make_executor() as executor:
        assert executor.get_stats().last_restart_time is None
        pid = generation_pids()
        report = await executor.restart()
        assert (report.previous_generation, report.generation) == (1, 2)
        assert report.reason is RestartReason.MANUAL
        assert report.duration_ms >= report.pause_ms >= 0
        stats = executor.get_stats()
        assert (stats.generation, stats.restart_count) == (2, 1)
        assert stats.restarts == {RestartReason.MANUAL: 1}
        assert stats.last_restart_time is not None
        assert stats.last_restart == report
        assert len(generation_pids()) == 1
        assert not child_pids() & pid
        assert is_echo(await scan(executor, make_transaction()))


@pytest.mark.parametrize("reason", RestartReason)
async def test_reason_is_reported(reason: RestartReason) -> None:
    """Whoever restarts says why."""
    async with make_executor() as executor:
        assert (await executor.restart(reason=reason)).reason is reason
        assert executor.get_stats().restarts == {reason: 1}


async def test_a_hundred_triggers_make_one_restart() -> None:
    """All concurrent callers share one restart and get the same report."""
    async with make_executor() as executor:
        reports = await asyncio.gather(*(executor.restart() for _ in range(100)))
        assert len({id(report) for report in reports}) == 1
        stats = executor.get_stats()
        assert (stats.generation, stats.restart_count) == (2, 1)


async def test_a_caller_that_leaves_does_not_stop_the_restart() -> None:
    """One of several callers is cancelled: the others get the report all the same."""
    async with make_executor() as executor:
        calls = [begin(executor.restart()) for _ in range(3)]
        await asyncio.sleep(0)
        calls[0].cancel()
        reports = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(reports[0], asyncio.CancelledError)
        assert reports[1] is reports[2]
        assert executor.get_stats().restart_count == 1


@pytest.mark.parametrize("overlap", [True, False])
async def test_waiting_scans_survive(overlap: bool) -> None:
    """Two hundred scans wait while the generation is replaced; all get their own result."""
    async with make_executor(SLOW, queue_size=500) as executor:
        waiting = begin(call_each(executor, [make_transaction() for _ in range(200)]))
        await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
        report = await executor.restart(overlap=overlap)
        assert report.generation == 2
        await waiting
        stats = executor.get_stats()
        assert stats.verdicts == {Verdict.FINDINGS: 200}
        assert stats.restart_count == 1


async def test_restart_after_restart_under_load() -> None:
    """Twenty restarts in a row under load lose, double and mix up nothing."""
    async with make_executor(queue_size=50) as executor:
        transactions = [make_transaction() for _ in range(2000)]
        work = begin(collect(executor, transactions))
        for index in range(20):
            await executor.restart(overlap=index % 2 == 0)
        results = await work
        assert all(map(is_echo, results))
        assert executor.get_stats().verdicts == {Verdict.FINDINGS: 2000}


async def test_without_overlap_there_is_never_a_second_process() -> None:
    """`overlap=False` ends the old generation before the new one begins."""
    async with make_executor() as executor:
        seen = 0
        restart = begin(executor.restart(overlap=False))
        while not restart.done():
            seen = max(seen, len(generation_pids()))
            await asyncio.sleep(0)
        assert seen == 1
        assert (await restart).pause_ms > 0


async def test_failed_restart_keeps_the_old_one(tmp_path: Path) -> None:
    """When the replacement does not get ready the old generation serves on, and the caller is told."""
    executor = make_faked(tmp_path, {}, {"ready": "load_failed"}, {"ready": "exit:1"}, {})
    async with executor:
        for _ in range(2):
            with pytest.raises(RestartFailed):
                await executor.restart()
            result = await scan(executor, make_transaction())
            assert is_echo(result)
            assert result.generation == 1
        assert executor.get_stats().state == "serving"
        assert executor.get_stats().restart_count == 0
        await executor.restart()
        assert (await scan(executor, make_transaction())).generation > 1


async def test_failed_restart_tells_every_caller(tmp_path: Path) -> None:
    """All callers of a shared restart get its error."""
    executor = make_faked(tmp_path, {}, {"ready": "load_failed"}, {})
    async with executor:
        outcomes = await asyncio.gather(*(executor.restart() for _ in range(20)), return_exceptions=True)
        assert all(isinstance(outcome, RestartFailed) for outcome in outcomes)
        assert is_echo(await scan(executor, make_transaction()))


async def test_failed_restart_without_overlap_recovers(tmp_path: Path) -> None:
    """Without overlap there is no old one; the executor recovers and loses nothing that waits."""
    executor = make_faked(tmp_path, {}, {"ready": "exit:1"}, {})
    async with executor:
        restart = begin(executor.restart(overlap=False))
        work = begin(collect(executor, [make_transaction() for _ in range(50)]))
        with pytest.raises(RestartFailed):
            await restart
        assert all(map(is_echo, await work))
        assert executor.get_stats().state == "serving"


async def test_failed_load_without_overlap_fails_what_waits(tmp_path: Path) -> None:
    """When the plugin itself cannot be loaded any more, scans are skipped and a later restart mends it."""
    executor = make_faked(tmp_path, {}, {"ready": "load_failed"}, {})
    async with executor:
        with pytest.raises(RestartFailed):
            await executor.restart(overlap=False)
        assert (await scan(executor, make_transaction())).verdict is Verdict.SKIPPED
        await executor.restart()
        assert is_echo(await scan(executor, make_transaction()))


async def test_occupant_dies_while_its_replacement_loads(tmp_path: Path) -> None:
    """A death in the middle of a restart loses nothing: the replacement takes over."""
    code = "await new Promise((done) => setTimeout(done, 100));\n" + ECHO
    async with make_executor(code) as executor:
        (old,) = generation_pids()
        restart = begin(executor.restart())
        await until(lambda: len(generation_pids()) == 2, "a replacement")
        psutil.Process(old).kill()
        results = await collect(executor, [make_transaction() for _ in range(50)])
        assert all(map(is_echo, results))
        await asyncio.gather(restart, return_exceptions=True)
        assert is_echo(await scan(executor, make_transaction()))
        await until(lambda: len(generation_pids()) == 1, "one generation")


async def test_replacement_dies_while_it_loads(tmp_path: Path) -> None:
    """When the replacement is killed, the restart fails and the old one serves on."""
    code = "await new Promise((done) => setTimeout(done, 200));\n" + ECHO
    async with make_executor(code) as executor:
        old = generation_pids()
        restart = begin(executor.restart())
        await until(lambda: len(generation_pids()) == 2, "a replacement")
        (new,) = generation_pids() - old
        psutil.Process(new).kill()
        with pytest.raises(RestartFailed):
            await restart
        result = await scan(executor, make_transaction())
        assert is_echo(result)
        assert result.generation == 1


async def test_restart_while_recovering() -> None:
    """A restart asked for while the executor recovers from a death ends with one generation serving."""
    async with make_executor(LOOPS, timeout_s=0.2) as executor:
        loop = begin(scan(executor, make_transaction("/loop")))
        assert (await loop).verdict is Verdict.TIMEOUT
        report = await executor.restart()
        result = await scan(executor, make_transaction())
        assert is_echo(result)
        assert result.generation == report.generation
        await until(lambda: len(generation_pids()) == 1, "one generation")


async def test_timeout_counts_as_a_restart() -> None:
    """Replacing a generation that had to be killed is counted with its reason."""
    async with make_executor(LOOPS, timeout_s=0.2) as executor:
        assert (await scan(executor, make_transaction("/loop"))).verdict is Verdict.TIMEOUT
        assert is_echo(await scan(executor, make_transaction()))
        assert executor.get_stats().restarts == {RestartReason.TIMEOUT: 1}


@pytest.mark.parametrize("position", [0, 7, 29])
async def test_timeout_in_a_batch(position: int) -> None:
    """Of thirty scans sent together only the looping one times out."""
    paths = ["/"] * 30
    paths[position] = "/loop"
    async with make_executor(LOOPS, timeout_s=0.3) as executor:
        results = await collect(executor, [make_transaction(path) for path in paths])
    assert results[position].verdict is Verdict.TIMEOUT
    assert all(is_echo(result) for index, result in enumerate(results) if index != position)


async def test_killed_from_outside() -> None:
    """A SIGKILL in the middle of work costs nobody a result."""
    async with make_executor(SLOW) as executor:
        work = begin(collect(executor, [make_transaction() for _ in range(60)]))
        await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
        for pid in generation_pids():
            psutil.Process(pid).kill()
        assert all(map(is_echo, await work))
        assert executor.get_stats().restarts == {RestartReason.CRASH: 1}


# ---- reload ------------------------------------------------------------------------------------


async def test_reload_changes_the_code() -> None:
    """Scans before get the old code's findings, scans after the new one's."""
    async with make_executor("export const scan_transaction = () => ({ title: 'old' });") as executor:
        assert (await executor.scan_transaction(make_transaction()))[0].title == "old"
        report = await executor.reload("export const scan_transaction = () => ({ title: 'new' });")
        assert report.reason is RestartReason.RELOAD
        assert (await executor.scan_transaction(make_transaction()))[0].title == "new"
        await executor.restart()
        assert (await executor.scan_transaction(make_transaction()))[0].title == "new"


@pytest.mark.parametrize(
    "bad",
    ["syntax error here", "export const x = 1;", "throw new Error('x');", "await new Promise(() => {});"],
)
async def test_bad_reload_keeps_the_old_code(bad: str) -> None:
    """A version that cannot be loaded is refused, also for later restarts."""
    async with make_executor() as executor:
        with pytest.raises(PluginLoadError):
            await executor.reload(bad)
        assert is_echo(await scan(executor, make_transaction()))
        await executor.restart()
        assert is_echo(await scan(executor, make_transaction()))


async def test_reload_under_load_loses_nothing() -> None:
    """While scans wait the code is exchanged; each scan gets a finding of one version."""
    code = "export const scan_transaction = (t) => ({{ title: t.id, version: {} }});"
    async with make_executor(code.format(0)) as executor:
        work = begin(collect(executor, [make_transaction() for _ in range(3000)]))
        for version in range(1, 6):
            await executor.reload(code.format(version))
        results = await work
    assert all(map(is_echo, results))
    versions = [result.findings[0].extra["version"] for result in results]
    assert set(versions) <= set(range(6))


async def test_reload_reads_the_file_again(tmp_path: Path) -> None:
    """Without code, the file and its neighbours are read anew."""
    (tmp_path / "word.ts").write_text("export const word = 'old';")
    path = tmp_path / "plugin.ts"
    path.write_text(
        'import { word } from "./word.ts";\nexport const scan_transaction = () => ({ title: word });'
    )
    async with PluginExecutor.from_file(path) as executor:
        assert (await executor.scan_transaction(make_transaction()))[0].title == "old"
        (tmp_path / "word.ts").write_text("export const word = 'new';")
        await executor.reload()
        assert (await executor.scan_transaction(make_transaction()))[0].title == "new"
        path.write_text("let = = broken")
        with pytest.raises(PluginLoadError):
            await executor.reload()
        assert (await executor.scan_transaction(make_transaction()))[0].title == "new"


async def test_reload_without_code_or_file() -> None:
    """An executor made from text cannot read its file again."""
    async with make_executor() as executor:
        with pytest.raises(ConfigError):
            await executor.reload()


async def test_reload_mends_a_plugin_that_kills() -> None:
    """New code ends a quarantine at once."""
    async with make_executor(
        "export const scan_transaction = () => { for (;;); };",
        timeout_s=0.1,
        max_consecutive_deaths=1,
        quarantine_s=60.0,
    ) as executor:
        assert (await scan(executor, make_transaction())).verdict is Verdict.TIMEOUT
        assert (await scan(executor, make_transaction())).verdict is Verdict.SKIPPED
        await executor.reload(ECHO)
        assert is_echo(await scan(executor, make_transaction()))


async def test_several_reloads_at_once_end_with_the_last() -> None:
    """Reloads are done one after the other, each with its own code."""
    code = "export const scan_transaction = () => ({{ title: '{}' }});"
    async with make_executor(code.format("start")) as executor:
        await asyncio.gather(*(executor.reload(code.format(n)) for n in range(4)))
        titles = {(await executor.scan_transaction(make_transaction()))[0].title for _ in range(3)}
    assert len(titles) == 1
    assert titles <= {"0", "1", "2", "3"}


async def test_every_reload_gets_its_own_report() -> None:
    """Two reloads with different code never share one restart: each caller's code was loaded."""
    bad = "export const x = 1;"
    async with make_executor() as executor:
        outcomes = await asyncio.gather(
            executor.restart(), executor.reload(bad), executor.reload(ECHO), return_exceptions=True
        )
        assert not isinstance(outcomes[0], BaseException)
        assert isinstance(outcomes[1], PluginLoadError)
        assert not isinstance(outcomes[2], BaseException)


# ---- terminate -----------------------------------------------------------------------------------


async def test_terminate_with_nothing_to_do() -> None:
    """With nothing running there is nothing to abort."""
    async with make_executor() as executor:
        assert await executor.terminate_execution() is False
        assert executor.get_stats().generation == 1


async def test_terminate_one() -> None:
    """The running scan is interrupted and the executor serves on."""
    async with make_executor(LOOPS, timeout_s=60.0) as executor:
        call = begin(executor.scan_transaction(make_transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
        assert await executor.terminate_execution() is True
        with pytest.raises(ScanInterrupted):
            await call
        assert is_echo(await scan(executor, make_transaction()))


@pytest.mark.parametrize("position", [0, 5, 19])
async def test_terminate_in_a_batch(position: int) -> None:
    """Of a batch only the looping scan is interrupted; the others get their true results."""
    paths = ["/"] * 20
    paths[position] = "/loop"
    async with make_executor(LOOPS, timeout_s=60.0) as executor:
        work = begin(collect(executor, [make_transaction(path) for path in paths]))
        (pid,) = generation_pids()
        # Nothing else takes so much time: the loop has been reached.
        await until(lambda: psutil.Process(pid).cpu_times().user > 0.5, "the loop running")
        await executor.terminate_execution()
        results = await work
    assert results[position].verdict is Verdict.INTERRUPTED
    assert all(is_echo(result) for index, result in enumerate(results) if index != position)


async def test_terminate_is_no_death_of_the_plugin() -> None:
    """However often work is aborted, the plugin is not quarantined for it."""
    async with make_executor(LOOPS, timeout_s=60.0, max_consecutive_deaths=1) as executor:
        for _ in range(3):
            call = begin(scan(executor, make_transaction("/loop")))
            await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
            await executor.terminate_execution()
            assert (await call).verdict is Verdict.INTERRUPTED
        assert is_echo(await scan(executor, make_transaction()))


async def test_terminate_while_restarting() -> None:
    """Restart and terminate at once end with every scan answered and one generation."""
    async with make_executor(LOOPS, timeout_s=60.0) as executor:
        work = begin(collect(executor, [make_transaction(path) for path in ["/", "/loop", "/", "/"]]))
        await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
        restart = begin(executor.restart())
        await asyncio.sleep(0)
        while not work.done():
            await executor.terminate_execution()
            await asyncio.sleep(0.02)
        results = await work
        await asyncio.gather(restart, return_exceptions=True)
        assert [result.verdict for result in results].count(Verdict.INTERRUPTED) >= 1
        assert results[1].verdict is Verdict.INTERRUPTED
        assert is_echo(await scan(executor, make_transaction()))


async def test_scan_of_a_generation_that_retires_is_not_stuck() -> None:
    """A restart waits for the old generation's last scan; its timeout still holds."""
    async with make_executor(LOOPS, timeout_s=0.4) as executor:
        call = begin(scan(executor, make_transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
        with contextlib.suppress(IsoscanError):
            await executor.restart()
        assert (await call).verdict is Verdict.TIMEOUT
        assert is_echo(await scan(executor, make_transaction()))


async def test_numbers_of_generations_rise() -> None:
    """A restart that comes before the spare is there waits for it: no later occupant has a lower number."""
    async with make_executor(warm_standby=True) as executor:
        seen = [executor.get_stats().generation]
        for _ in range(4):
            report = await executor.restart()
            assert report.previous_generation == seen[-1]
            seen.append(report.generation)
            seen.append((await scan(executor, make_transaction())).generation)
        for pid in generation_pids():
            psutil.Process(pid).kill()
        seen.append((await scan(executor, make_transaction())).generation)
    assert seen == sorted(seen)
