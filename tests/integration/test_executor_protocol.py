"""The executor against a worker that breaks every promise: one outcome per scan, and it serves on."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from isoscan import (
    GenerationStartError,
    IsoscanError,
    PluginExecutor,
    PluginLoadError,
    PluginLoadTimeout,
    PluginQuarantined,
    ScanResult,
    Verdict,
)
from support.builders import is_echo, make_transaction, scan
from support.faking import lives_begun, make_faked

QUICK: dict[str, Any] = {"timeout_s": 0.3, "load_timeout_s": 2.0}
#: What a scan deserves whose generation does this instead of answering, every time.
DESERTS: dict[str, set[Verdict]] = {
    "exit:0": {Verdict.CRASHED},
    "exit:1": {Verdict.CRASHED},
    "exit:70": {Verdict.CRASHED},
    "exit:133": {Verdict.CRASHED},
    "signal:9": {Verdict.CRASHED},
    "signal:11": {Verdict.CRASHED},
    "signal:15": {Verdict.CRASHED},
    "stall": {Verdict.TIMEOUT},
    "half_stall": {Verdict.TIMEOUT},
    "half_exit": {Verdict.CRASHED},
    "close": {Verdict.CRASHED},
    "garbage": {Verdict.CRASHED},
    "garbage_flood": {Verdict.CRASHED},
    "text_on_stdout": {Verdict.CRASHED},
    "oversized_length": {Verdict.CRASHED},
    "undersized_length": {Verdict.CRASHED},
    "wrong_nonce": {Verdict.CRASHED},
    "zero_nonce": {Verdict.CRASHED},
    "wrong_sequence": {Verdict.CRASHED},
    "repeated_sequence": {Verdict.CRASHED},
    "wrong_frame": {Verdict.CRASHED},
    "frame_zero": {Verdict.CRASHED},
    "too_many": {Verdict.CRASHED},
    "no_entries": {Verdict.CRASHED},
    "negative_first": {Verdict.CRASHED},
    "out_of_order": {Verdict.CRASHED},
    "kind_hello": {Verdict.CRASHED},
    "kind_ready": {Verdict.CRASHED},
    "kind_load_failed": {Verdict.CRASHED},
    "kind_unknown": {Verdict.CRASHED},
    "unasked_memory": {Verdict.CRASHED, Verdict.TIMEOUT},
    "memory_flood": {Verdict.CRASHED, Verdict.TIMEOUT},
    "not_json": {Verdict.CRASHED},
    "not_utf8": {Verdict.CRASHED},
    "wrong_shape": {Verdict.CRASHED},
    "wrong_entry": {Verdict.CRASHED},
    "null_entry": {Verdict.CRASHED},
    "float_entry": {Verdict.CRASHED},
    "deep_json": {Verdict.CRASHED},
    "huge_duration": {Verdict.CRASHED},
    "enormous_duration": {Verdict.CRASHED},
    "giant_duration": {Verdict.CRASHED},
    "odd_level": {Verdict.CRASHED},
    "long_stack": {Verdict.CRASHED},
    "long_reply": {Verdict.CRASHED},
    # the scan itself is answered as it should be, and what comes behind condemns the generation
    "flood": {Verdict.FINDINGS},
    "duplicate": {Verdict.FINDINGS},
    "extra_bytes": {Verdict.FINDINGS},
    # odd, and allowed
    "stderr_flood": {Verdict.FINDINGS},
    "negative_duration": {Verdict.FINDINGS},
    "finding_not_json": {Verdict.INVALID_FINDINGS},
    "deep_finding": {Verdict.INVALID_FINDINGS},
    "many_findings": {Verdict.INVALID_FINDINGS},
    "many_lines": {Verdict.FINDINGS},
    "many_denials": {Verdict.FINDINGS},
}
#: These answer for all scans of a frame at once, so in a batch all have the fault.
WHOLE_FRAME = {
    "negative_duration", "finding_not_json", "deep_finding", "many_findings", "many_lines", "many_denials",
}  # fmt: skip
#: A generation that did this was condemned, so a later scan ran on another one.
DEADLY = [fault for fault, verdicts in DESERTS.items() if verdicts <= {Verdict.CRASHED, Verdict.TIMEOUT}]


async def scan_paths(executor: PluginExecutor, *paths: str) -> list[ScanResult]:
    """One result per path, in order, each about its own transaction."""
    transactions = [make_transaction(path) for path in paths]
    results = [result async for result in executor.scan_many(transactions)]
    assert [result.transaction_id for result in results] == [t.id for t in transactions]
    return results


@pytest.mark.parametrize("fault", DESERTS)
async def test_poison(fault: str, tmp_path: Path) -> None:
    """A transaction that always brings the fault gets its verdict, alone and in a batch, and only it."""
    executor = make_faked(tmp_path, {"paths": {"/bad": fault}}, **QUICK)
    paths = ["/good"] * 7 + ["/bad"] + ["/good"] * 5
    async with executor:
        assert is_echo(await scan(executor, make_transaction("/good")))
        assert (await scan(executor, make_transaction("/bad"))).verdict in DESERTS[fault]
        assert is_echo(await scan(executor, make_transaction("/good")))
        results = await scan_paths(executor, *paths)
        verdicts = dict(executor.get_stats().verdicts)
    assert sum(verdicts.values()) == 3 + len(paths)
    if fault in WHOLE_FRAME:
        return
    for path, result in zip(paths, results, strict=True):
        if path == "/bad":
            assert result.verdict in DESERTS[fault]
        else:
            assert is_echo(result)


@pytest.mark.parametrize("fault", ["many_findings", "many_lines", "many_denials"])
async def test_owner_counts_too(fault: str, tmp_path: Path) -> None:
    """A generation that ignores the limits of a scan does not make its result any longer than they allow."""
    executor = make_faked(tmp_path, {"paths": {"/bad": fault}}, max_console_bytes=1000, **QUICK)
    async with executor:
        result = await scan(executor, make_transaction("/bad"))
    assert len(result.findings) <= 1
    assert len(result.console) <= 1000
    assert len(result.denials) <= 100


@pytest.mark.parametrize("fault", DEADLY[::3])
async def test_bad_luck_is_not_charged(fault: str, tmp_path: Path) -> None:
    """A generation that fails once under a scan costs the scan one attempt, not its result."""
    executor = make_faked(tmp_path, {"frames": {"2": fault}}, {}, **QUICK)
    async with executor:
        first = await scan(executor, make_transaction())
        second = await scan(executor, make_transaction())
    assert is_echo(first)
    if DESERTS[fault] == {Verdict.TIMEOUT}:
        assert second.verdict is Verdict.TIMEOUT
    else:
        assert is_echo(second)
        assert (second.attempts, second.generation) == (2, 2)


@pytest.mark.parametrize("attempts", [1, 3])
async def test_attempts_are_bounded(attempts: int, tmp_path: Path) -> None:
    """A scan that always kills its generation runs exactly `max_attempts` times."""
    executor = make_faked(tmp_path, {"paths": {"/bad": "exit:3"}}, max_attempts=attempts, **QUICK)
    async with executor:
        bad = await scan(executor, make_transaction("/bad"))
        generations = lives_begun(tmp_path)
        assert is_echo(await scan(executor, make_transaction()))
    assert (bad.verdict, bad.attempts) == (Verdict.CRASHED, attempts)
    assert generations in (attempts, attempts + 1)


async def test_silent_abort_is_memory(tmp_path: Path) -> None:
    """SIGABRT without a word is an allocation the kernel refused."""
    executor = make_faked(tmp_path, {"paths": {"/bad": "signal:6"}}, **QUICK)
    async with executor:
        bad = await scan(executor, make_transaction("/bad"))
    assert bad.verdict is Verdict.OUT_OF_MEMORY


# ---- before it is ready ----------------------------------------------------------

UNREADY = [
    "exit:0",
    "exit:1",
    "signal:9",
    "garbage",
    "wrong_nonce",
    "oversized_length",
    "close",
    "kind_unknown",
]


@pytest.mark.parametrize("fault", [*UNREADY, "text_on_stdout", "kind_ready"])
async def test_unlucky_before_hello(fault: str, tmp_path: Path) -> None:
    """One process that dies before hello condemns nobody: the next one serves."""
    executor = make_faked(tmp_path, hello_faults=[fault, None], **QUICK)
    async with executor:
        assert is_echo(await scan(executor, make_transaction()))
    assert lives_begun(tmp_path) == 2


@pytest.mark.parametrize("fault", UNREADY)
async def test_unlucky_before_ready(fault: str, tmp_path: Path) -> None:
    """So does one that dies after hello and before ready."""
    executor = make_faked(tmp_path, {"ready": fault}, {}, **QUICK)
    async with executor:
        assert is_echo(await scan(executor, make_transaction()))


@pytest.mark.parametrize("fault", UNREADY)
@pytest.mark.parametrize("moment", ["hello", "ready"])
async def test_never_ready(fault: str, moment: str, tmp_path: Path) -> None:
    """A worker that never becomes ready is tried `max_load_failures` times, then start fails."""
    lives: list[dict[str, Any]] = [{"ready": fault}] if moment == "ready" else []
    hello = [fault] if moment == "hello" else []
    executor = make_faked(tmp_path, *lives, hello_faults=hello, max_load_failures=2, **QUICK)
    with pytest.raises(GenerationStartError):
        await executor.start()
    assert lives_begun(tmp_path) == 2
    assert executor.get_stats().state == "failed"
    await executor.shutdown()


@pytest.mark.parametrize("moment", ["hello", "ready"])
async def test_stall_while_loading(moment: str, tmp_path: Path) -> None:
    """A worker that says nothing is given up after the load timeout."""
    lives: list[dict[str, Any]] = [{"ready": "stall"}] if moment == "ready" else []
    hello = ["stall"] if moment == "hello" else []
    executor = make_faked(tmp_path, *lives, hello_faults=hello, load_timeout_s=0.3)
    with pytest.raises(PluginLoadTimeout):
        await executor.start()
    await executor.shutdown()


async def test_reported_load_failure_is_final(tmp_path: Path) -> None:
    """What the plugin itself reports is not tried again."""
    executor = make_faked(tmp_path, {"ready": "load_failed"}, **QUICK)
    with pytest.raises(PluginLoadError):
        await executor.start()
    assert lives_begun(tmp_path) == 1
    await executor.shutdown()


async def test_failed_start_can_be_repeated(tmp_path: Path) -> None:
    """After a failed start the executor can be started again."""
    executor = make_faked(tmp_path, hello_faults=["exit:1", "exit:1", None], max_load_failures=2, **QUICK)
    with pytest.raises(GenerationStartError):
        await executor.start()
    await executor.start()
    assert is_echo(await scan(executor, make_transaction()))
    await executor.shutdown()


# ---- quarantine --------------------------------------------------------------------


async def test_deaths_in_a_row_lead_to_quarantine(tmp_path: Path) -> None:
    """When every scan kills its generation the plugin is refused, visibly, and nothing hangs."""
    executor = make_faked(
        tmp_path,
        {"paths": {"/bad": "exit:3"}},
        max_consecutive_deaths=4,
        max_attempts=1,
        quarantine_s=60.0,
        **QUICK,
    )
    async with executor:
        results = await scan_paths(executor, *["/bad"] * 10)
        verdicts = [result.verdict for result in results]
        assert set(verdicts) == {Verdict.CRASHED, Verdict.SKIPPED}
        assert verdicts.count(Verdict.CRASHED) <= 4
        stats = executor.get_stats()
        assert stats.state == "quarantined"
        assert stats.quarantined_for_s is not None
        assert 0 < stats.quarantined_for_s <= 60
        with pytest.raises(PluginQuarantined):
            await executor.scan_transaction(make_transaction("/good"))


async def test_replacements_that_never_get_ready(tmp_path: Path) -> None:
    """A plugin whose generations stop loading is quarantined; what waits is skipped, not lost."""
    executor = make_faked(
        tmp_path,
        {"frames": {"2": "exit:1"}},
        {"ready": "exit:1"},
        max_load_failures=2,
        quarantine_s=60.0,
        **QUICK,
    )
    async with executor:
        assert is_echo(await scan(executor, make_transaction()))
        results = await scan_paths(executor, *["/"] * 20)
        assert {result.verdict for result in results} == {Verdict.SKIPPED}
        assert executor.get_stats().state == "quarantined"


@pytest.mark.slow
async def test_patience_has_a_rhythm(tmp_path: Path) -> None:
    """With many load failures allowed, the pause between two tries stays bounded: what waits is served."""
    lives: list[dict[str, Any]] = [{"frames": {"1": "exit:1"}}, *[{"ready": "exit:1"}] * 9, {}]
    executor = make_faked(tmp_path, *lives, max_load_failures=100, **QUICK)
    async with asyncio.timeout(25), executor:
        assert is_echo(await scan(executor, make_transaction()))


async def test_probation_is_passed(tmp_path: Path) -> None:
    """After the back-off one scan is tried; when it is answered the plugin serves as before."""
    executor = make_faked(
        tmp_path,
        {"paths": {"/bad": "exit:3"}},
        max_consecutive_deaths=1,
        max_attempts=1,
        quarantine_s=0.0,
        **QUICK,
    )
    async with executor:
        bad = await scan(executor, make_transaction("/bad"))
        assert bad.verdict is Verdict.CRASHED
        results = await scan_paths(executor, *["/good"] * 50)
        assert all(map(is_echo, results))
        assert executor.get_stats().state == "serving"


async def test_probation_is_failed(tmp_path: Path) -> None:
    """One death on probation is enough for the next, longer quarantine."""
    executor = make_faked(
        tmp_path,
        {"frames": {"1": "exit:3"}},
        max_consecutive_deaths=2,
        max_attempts=1,
        quarantine_s=0.01,
        quarantine_max_s=60.0,
        **QUICK,
    )
    async with executor:
        seen = set()
        longest_s = 0.0

        async def scan_once() -> float:
            seen.add((await scan(executor, make_transaction())).verdict)
            return executor.get_stats().quarantined_for_s or 0.0

        for _ in range(1000):
            longest_s = max(longest_s, await scan_once())
            if longest_s > 0.1:
                break
            await asyncio.sleep(0.005)
        assert longest_s > 0.1
        assert seen == {Verdict.CRASHED, Verdict.SKIPPED}


async def test_restart_ends_quarantine(tmp_path: Path) -> None:
    """An operator's restart tries at once."""
    executor = make_faked(
        tmp_path,
        {"frames": {"1": "exit:3"}},
        {"frames": {"1": "exit:3"}},
        {},
        max_consecutive_deaths=1,
        max_attempts=1,
        quarantine_s=60.0,
        **QUICK,
    )
    async with executor:
        assert (await scan(executor, make_transaction())).verdict is Verdict.CRASHED
        assert executor.get_stats().state == "quarantined"
        await executor.restart()
        assert (await scan(executor, make_transaction())).verdict is Verdict.CRASHED
        assert executor.get_stats().state == "quarantined"
        await executor.restart()
        assert is_echo(await scan(executor, make_transaction()))


async def test_shutdown_in_quarantine(tmp_path: Path) -> None:
    """A quarantined executor closes like any other."""
    executor = make_faked(
        tmp_path, {"frames": {"1": "exit:3"}}, max_consecutive_deaths=1, max_attempts=1, quarantine_s=60.0
    )
    await executor.start()
    await scan(executor, make_transaction())
    await executor.shutdown()
    assert executor.get_stats().state == "closed"


# ---- hand-off windows ------------------------------------------------------------------


async def test_death_while_idle(tmp_path: Path) -> None:
    """A generation that dies with nothing to do is replaced, and nobody notices."""
    executor = make_faked(tmp_path, {"frames": {"1": "duplicate"}}, {}, **QUICK)
    async with executor:
        for _ in range(3):
            assert is_echo(await scan(executor, make_transaction()))


async def test_drain_through_deaths(tmp_path: Path) -> None:
    """Draining goes on when the generation dies meanwhile; every scan gets its result."""
    executor = make_faked(tmp_path, {"frames": {"1": "exit:1"}}, {}, **QUICK)
    await executor.start()
    calls = executor.scan_many([make_transaction() for _ in range(30)])
    first = await anext(calls)
    await executor.shutdown()
    assert is_echo(first)
    rest = []
    try:
        async for result in calls:
            rest.append(result)  # noqa: PERF401 -- what came before an error counts, too
    except IsoscanError:
        pass  # scans not yet accepted are refused after shutdown
    assert all(map(is_echo, rest))


async def test_large_frames_to_a_worker_that_does_not_read(tmp_path: Path) -> None:
    """Megabytes for a stalled worker neither block the event loop nor outlive it."""
    body = b"x" * (2 << 20)
    executor = make_faked(tmp_path, {"paths": {"/bad": "stall"}}, **QUICK)
    async with executor:
        transactions = [make_transaction("/bad", body=body)]
        transactions += [make_transaction("/good", body=body) for _ in range(12)]
        results = [result async for result in executor.scan_many(transactions)]
    assert results[0].verdict is Verdict.TIMEOUT
    assert all(map(is_echo, results[1:]))


@pytest.mark.parametrize("seed", range(4))
async def test_random_lives(seed: int, tmp_path: Path) -> None:
    """Generations that fail at random moments in random ways: every scan ends once, with its own result."""
    rng = random.Random(seed)
    faults = [fault for fault in DEADLY if fault not in ("stall", "half_stall")]
    lives: list[dict[str, Any]] = []
    for _ in range(25):
        kind = rng.random()
        if kind < 0.15:
            lives.append({"ready": rng.choice(UNREADY)})
        else:
            lives.append({"frames": {str(rng.randint(1, 4)): rng.choice(faults)}})
    executor = make_faked(
        tmp_path, *lives, {}, max_attempts=30, max_load_failures=30, max_consecutive_deaths=1000, **QUICK
    )
    async with executor:
        transactions = [make_transaction(f"/{n}") for n in range(120)]
        results = [result async for result in executor.scan_many(transactions)]
        verdicts = dict(executor.get_stats().verdicts)
    assert [result.transaction_id for result in results] == [t.id for t in transactions]
    assert all(map(is_echo, results))
    assert verdicts == {Verdict.FINDINGS: 120}
