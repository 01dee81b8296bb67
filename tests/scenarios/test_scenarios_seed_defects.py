"""The known defects of the system this one replaces, one test each: none of them is here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from isoscan import IsoscanError, PluginLoadError, Verdict
from scenarios._shared import LOOPS, assert_serves, collect
from support.builders import MIB, is_echo, make_executor, make_transaction, scan
from support.faking import lives_begun, make_faked
from support.watching import begin, until

FAILING = {
    "throws": ("export const scan_transaction = () => { throw new Error('x'); };", Verdict.ERROR),
    "rejects": ("export const scan_transaction = async () => { throw new Error('x'); };", Verdict.ERROR),
    "throws nothing": ("export const scan_transaction = () => { throw undefined; };", Verdict.ERROR),
    "rejects unhandled": ("export const scan_transaction = () => { Promise.reject(1); };", Verdict.ERROR),
    "never settles": ("export const scan_transaction = () => new Promise(() => {});", Verdict.ERROR),
    "overflows": (
        "const f = () => f() + 1;\nexport const scan_transaction = () => ({ title: f() });",
        Verdict.ERROR,
    ),
    "loops": ("export const scan_transaction = () => { for (;;); };", Verdict.TIMEOUT),
    "fills the heap": (
        "const a = [];\nexport const scan_transaction = () => { for (;;) a.push(new Array(1e5).fill(a)); };",
        Verdict.OUT_OF_MEMORY,
    ),
    "reports a number": ("export const scan_transaction = () => 7;", Verdict.INVALID_FINDINGS),
    "reports no title": ("export const scan_transaction = () => ({});", Verdict.INVALID_FINDINGS),
    "reports a circle": (
        "export const scan_transaction = () => { const a = { title: 't' }; a.a = a; return a; };",
        Verdict.INVALID_FINDINGS,
    ),
}


async def test_queued_work_survives_a_restart() -> None:
    """Defect: a restart dropped what was queued."""
    code = """
    export async function scan_transaction(t) {
      await new Promise((done) => setTimeout(done, 2));
      return { title: t.id };
    }"""
    async with make_executor(code) as executor:
        transactions = [make_transaction() for _ in range(300)]
        work = begin(collect(executor, transactions))
        await until(lambda: executor.get_stats().queued > 0, "scans queued")
        report = await executor.restart()
        assert report.generation == 2
        results = await work
        assert all(map(is_echo, results))
        assert {result.generation for result in results} <= {1, 2}
        assert executor.get_stats().verdicts == {Verdict.FINDINGS: 300}


@pytest.mark.parametrize("overlap", [True, False])
async def test_restart_does_not_hang_on_a_looping_plugin(overlap: bool) -> None:
    """Defect: a restart waited for ever behind a loop; here only until the loop's timeout."""
    async with make_executor(LOOPS, timeout_s=0.5) as executor:
        paths = [*["/"] * 10, "/loop", *["/"] * 40]
        work = begin(collect(executor, [make_transaction(path) for path in paths]))
        await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
        await executor.restart(overlap=overlap)
        results = await work
        assert results[10].verdict is Verdict.TIMEOUT
        assert all(is_echo(result) for index, result in enumerate(results) if index != 10)
        await assert_serves(executor)


async def test_stats_are_not_blind_during_a_hang() -> None:
    """Defect: asking for stats waited behind the plugin; here the answer says what hangs."""
    async with make_executor(LOOPS, timeout_s=3600.0) as executor:
        looping = begin(scan(executor, make_transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
        for _ in range(100):
            stats = executor.get_stats()
            assert (stats.state, stats.in_flight, stats.generation) == ("serving", 1, 1)
            assert stats.rss_bytes
        assert not looping.done()
        assert await executor.terminate_execution()
        assert (await looping).verdict is Verdict.INTERRUPTED


async def test_a_hundred_restarts_are_no_stampede(tmp_path: Path) -> None:
    """Defect: every trigger made its own restart; here a hundred make one, of one process."""
    executor = make_faked(tmp_path)
    async with executor:
        work = begin(collect(executor, [make_transaction() for _ in range(200)]))
        reports = await asyncio.gather(*(executor.restart() for _ in range(100)))
        assert {id(report) for report in reports} == {id(reports[0])}
        assert executor.get_stats().restart_count == 1
        assert all(map(is_echo, await work))
    assert lives_begun(tmp_path) == 2


@pytest.mark.parametrize("failure", ["exit:1", "signal:9", "close", "garbage_flood"])
async def test_a_failed_spawn_does_not_end_the_executor(failure: str, tmp_path: Path) -> None:
    """Defect: after one failed spawn an executor was dead; here it tries again and answers all."""
    executor = make_faked(tmp_path, {"paths": {"/die": "exit:1"}}, hello_faults=[None, failure, None])
    async with executor:
        paths = [*["/"] * 5, "/die", *["/"] * 20]
        results = await collect(executor, [make_transaction(path) for path in paths])
        assert results[5].verdict is Verdict.CRASHED
        assert all(is_echo(result) for index, result in enumerate(results) if index != 5)
        await assert_serves(executor)
        assert executor.get_stats().state == "serving"
    assert lives_begun(tmp_path) >= 3


@pytest.mark.parametrize("kind", FAILING)
async def test_failure_is_never_no_findings(kind: str) -> None:
    """Defect: a failed scan looked like a clean one; here it raises, and its verdict says why."""
    code, verdict = FAILING[kind]
    async with make_executor(
        code, timeout_s=0.3 if verdict is Verdict.TIMEOUT else 60.0, memory_bytes=128 * MIB
    ) as executor:
        with pytest.raises(IsoscanError) as caught:
            await executor.scan_transaction(make_transaction())
        assert caught.value.result is not None
        result = caught.value.result
        assert result.verdict is verdict
        assert not result.verdict.is_complete
        assert result.error is not None
        assert result.error.message
        assert executor.get_stats().verdicts == {verdict: 1}


async def test_death_is_never_no_findings(tmp_path: Path) -> None:
    """Defect: the same, for a generation that dies under the scan every time."""
    executor = make_faked(tmp_path, {"paths": {"/die": "signal:11"}})
    async with executor:
        with pytest.raises(IsoscanError) as caught:
            await executor.scan_transaction(make_transaction("/die"))
        assert caught.value.result is not None
        assert caught.value.result.verdict is Verdict.CRASHED
        await assert_serves(executor)


async def test_plugin_that_cannot_be_loaded_is_never_no_findings() -> None:
    """Defect: the same, for a plugin that never ran."""
    executor = make_executor("export const x = 1;")
    with pytest.raises(PluginLoadError):
        await executor.start()
    with pytest.raises(IsoscanError):
        await executor.scan_transaction(make_transaction())
    await executor.shutdown()


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("const a: number = 1;\nlet = = 2;\n", "probe.ts:2:7"),
        ("type T = { a: string };\n\nthrow new RangeError('no');\n", "probe.ts:3:7"),
        ("const a = 1;\n  undefinedName();\n", "probe.ts:2:3"),
        ("export function scan_transaction() {}\nexport function init() {\n  null.x;\n}", "probe.ts:3:8"),
    ],
)
async def test_load_errors_are_readable(code: str, place: str) -> None:
    """Defect: load errors were raw engine dumps; here the message has file, line and column."""
    executor = make_executor(code)
    with pytest.raises(PluginLoadError) as caught:
        await executor.start()
    await executor.shutdown()
    assert place in str(caught.value)
    assert "blob:" not in str(caught.value)
    assert "host.js" not in str(caught.value)
