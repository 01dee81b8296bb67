"""The scanner over several real executors: order, coverage, failures, bounds, and what is left."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from isoscan import (
    ConfigError,
    Coverage,
    HttpTransaction,
    InputError,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
    Scanner,
    ScanResult,
    Verdict,
)
from support.builders import make_executor, make_transaction
from support.watching import belongings, until

RESPONSES_ONLY = "export function scan_response(t) { return { title: t.id }; }"
THROWS = "export function scan_transaction(t) { throw new Error('always'); }"
THROWS_ON_THREE = """
export function scan_transaction(t) {
  if (t.request.url.endsWith("/3")) throw new Error("three");
  return { title: t.id };
}
"""
#: Holds every scan until it is killed, without using a processor.
BLOCKS = "export function scan_transaction(t) { return new Promise((r) => setTimeout(r, 3_600_000)); }"


def transactions(count: int) -> list[HttpTransaction]:
    """Transactions with the paths and ids `/0`, `/1`, …"""
    return [make_transaction(f"/{n}", transaction_id=str(n)) for n in range(count)]


def named(name: str, code: str | None = None, **options: float) -> PluginExecutor:
    """An executor with an id; by default it reports every transaction's id."""
    echo = "export function scan_transaction(t) { return { title: t.id }; }"
    return make_executor(code or echo, metadata=PluginMetadata(id=name), **options)


async def collect(results: AsyncIterator[ScanResult]) -> list[ScanResult]:
    """All results."""
    return [result async for result in results]


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fails when a process, descriptor, task or file is left over."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int)  # the loop's own thread pool is nobody's leak
    before = belongings()
    yield
    await until(lambda: belongings() == before, f"all is as it was: {before}")


async def test_fan_out_in_order() -> None:
    """Every plugin scans every transaction; results come by transaction, then by plugin."""
    async with nothing_left():
        names = ("slow", "a", "b")
        slow = """
        export async function scan_transaction(t) {
          await new Promise((r) => setTimeout(r, 2));
          return { title: t.id };
        }
        """
        executors = [named("slow", slow), named("a"), named("b")]
        async with Scanner(executors) as scanner:
            results = await collect(scanner.scan(transactions(300)))
        assert [(r.transaction_id, r.plugin_id) for r in results] == [
            (str(n), name) for n in range(300) for name in names
        ]
        assert all([f.title for f in r.findings] == [r.transaction_id] for r in results)
        assert scanner.coverage.transactions == 300
        assert scanner.coverage.scans == 900
        assert scanner.coverage.failed == 0
        assert list(scanner.coverage.plugins) == list(names)


async def test_coverage() -> None:
    """Coverage counts each verdict, tells a gap from nothing to do, and keeps one example of each."""
    executors = [named("echo"), named("throws", THROWS_ON_THREE), named("responses", RESPONSES_ONLY)]
    with_none = [make_transaction("/none", transaction_id=f"none{n}", has_response=False) for n in range(2)]
    async with Scanner(executors) as scanner:
        results = await collect(scanner.scan([*transactions(5), *with_none]))
    coverage = scanner.coverage
    assert coverage.transactions == 7
    assert coverage.scans == len(results) == 21
    assert coverage.verdicts == Counter({Verdict.FINDINGS: 18, Verdict.ERROR: 1, Verdict.SKIPPED: 2})
    assert coverage.failed == 1
    assert coverage.plugins["echo"].verdicts == Counter({Verdict.FINDINGS: 7})
    assert coverage.plugins["responses"].verdicts == Counter({Verdict.FINDINGS: 5, Verdict.SKIPPED: 2})
    assert coverage.plugins["responses"].not_applicable == 2
    assert coverage.plugins["responses"].first_failures == {}
    failures = coverage.plugins["throws"].first_failures
    assert {verdict: result.transaction_id for verdict, result in failures.items()} == {Verdict.ERROR: "3"}


async def test_one_failing_plugin() -> None:
    """A plugin that fails on everything, even to death, costs the others nothing."""
    killer = "export function scan_transaction(t) { while (true) {} }"
    executors = [named("killer", killer, timeout_s=0.05), named("throws", THROWS), named("echo")]
    async with nothing_left(), Scanner(executors) as scanner:
        results = await collect(scanner.scan(transactions(20)))
    verdicts = {
        name: {result.verdict for result in results if result.plugin_id == name}
        for name in ("killer", "throws", "echo")
    }
    assert verdicts["echo"] == {Verdict.FINDINGS}
    assert verdicts["throws"] == {Verdict.ERROR}
    assert Verdict.TIMEOUT in verdicts["killer"]
    assert verdicts["killer"] <= {Verdict.TIMEOUT, Verdict.SKIPPED}
    assert scanner.coverage.scans == 60
    assert scanner.coverage.failed == 40


async def test_two_plugins_that_cannot_start() -> None:
    """Both errors are raised together; the plugin that did start is ended."""
    async with nothing_left():
        executors = [named("one", "throw new Error('1');"), named("fine"), named("two", "export {};")]
        with pytest.raises(ExceptionGroup) as caught:
            async with Scanner(executors):
                pytest.fail("the scanner started")
        assert [type(error) for error in caught.value.exceptions] == [PluginLoadError, PluginLoadError]
        text = " ".join(str(error) for error in caught.value.exceptions)
        assert "one.ts" in text
        assert "two.ts" in text
        assert executors[1].state == "closed"


async def test_same_id_twice() -> None:
    """Plugins that cannot be told apart are refused, and nothing is left of them."""
    async with nothing_left():
        with pytest.raises(ExceptionGroup) as caught:
            async with Scanner([named("same"), named("same"), named("other")]):
                pytest.fail("the scanner started")
        (error,) = caught.value.exceptions
        assert isinstance(error, ConfigError)
        assert "same" in str(error)


async def test_no_plugin() -> None:
    """A scanner without plugins would call everything clean."""
    with pytest.raises(ConfigError):
        Scanner([])


async def test_cancelled_start() -> None:
    """A start that is given up leaves nothing running."""
    async with nothing_left():
        scanner = Scanner([named("loop", "while (true) {}"), named("fine")])
        task = asyncio.create_task(scanner.__aenter__())
        await until(lambda: scanner.executors[1].state == "serving", "the second plugin serves")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for executor in scanner.executors:
            await executor.shutdown()


async def test_empty_input() -> None:
    """No transactions, no results, no failure."""
    async with Scanner([named("a"), named("b")]) as scanner:
        assert await collect(scanner.scan([])) == []
    assert scanner.coverage == Coverage(plugins=scanner.coverage.plugins)
    assert scanner.coverage.failed == 0


async def test_input_that_breaks_off() -> None:
    """The results of all transactions that were given come first, then the input's own error."""

    def broken() -> Iterator[HttpTransaction]:
        yield from transactions(50)
        raise InputError("the capture is truncated")

    results = []
    async with nothing_left(), Scanner([named("a"), named("b")]) as scanner:
        with pytest.raises(InputError, match="truncated"):
            async for result in scanner.scan(broken()):
                results.append(result)  # noqa: PERF401  # they are kept when the error comes
    assert [(r.transaction_id, r.plugin_id) for r in results] == [
        (str(n), name) for n in range(50) for name in ("a", "b")
    ]
    assert scanner.coverage.transactions == 50


async def test_input_that_breaks_off_at_once() -> None:
    """An input that gives nothing but an error raises it."""

    def broken(given: list[HttpTransaction]) -> Iterator[HttpTransaction]:
        yield from given
        raise InputError("no such file")

    async with Scanner([named("a")]) as scanner:
        with pytest.raises(InputError):
            await collect(scanner.scan(broken([])))


async def test_input_is_read_lazily() -> None:
    """While one plugin blocks, no more than the window is read; the other plugin does not run away."""
    taken = 0

    def endless() -> Iterator[HttpTransaction]:
        nonlocal taken
        while True:
            taken += 1
            yield make_transaction(f"/{taken}")

    async with nothing_left(), Scanner([named("quick"), named("blocks", BLOCKS, timeout_s=600)]) as scanner:
        results = scanner.scan(endless())
        first = await anext(results)
        assert first.plugin_id == "quick"
        waiting = asyncio.ensure_future(anext(results))
        quick = scanner.executors[0]
        await until(lambda: quick.get_stats().total_executions >= 2048, "the quick plugin filled its window")
        settled = quick.get_stats().total_executions
        # It has had its turn when a scan asked for now, behind all others, is answered.
        await quick.scan_transaction(make_transaction("/after"))
        assert settled <= taken <= 2048 + 1
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await results.aclose()  # type: ignore[attr-defined]  # it is an asynchronous generator
        await scanner.executors[1].terminate_execution()


async def test_large_input_is_bounded_by_bytes() -> None:
    """Large bodies fill the window long before 2048 transactions do."""
    taken = 0
    body = bytes(4 * 1024 * 1024)

    def endless() -> Iterator[HttpTransaction]:
        nonlocal taken
        while True:
            taken += 1
            yield make_transaction("/", body=body)

    quick = named("quick", "export function scan_transaction() {}")
    async with Scanner([quick, named("blocks", BLOCKS, timeout_s=600)]) as scanner:
        results = scanner.scan(endless())
        await anext(results)
        waiting = asyncio.ensure_future(anext(results))
        await until(lambda: quick.get_stats().total_executions >= 16, "the quick plugin filled its window")
        await quick.scan_transaction(make_transaction("/after"))
        assert taken <= 17
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await scanner.executors[1].terminate_execution()


async def test_early_break() -> None:
    """A consumer that has enough leaves no task, process or scan behind."""
    async with nothing_left():
        async with Scanner([named("a"), named("b")]) as scanner:
            results = scanner.scan(make_transaction(f"/{n}") for n in range(100_000))
            async for _ in results:
                break
            await results.aclose()  # type: ignore[attr-defined]  # it is an asynchronous generator
            for executor in scanner.executors:
                stats = executor.get_stats()
                await until(lambda e=executor: not e.get_stats().in_flight, "nothing runs on")  # type: ignore[misc]
                assert stats.queued == 0
        assert scanner.coverage.scans == 1


async def test_early_break_without_closing() -> None:
    """Even one that just leaves the loop and the scanner."""
    async with nothing_left(), Scanner([named("a"), named("blocks", BLOCKS, timeout_s=600)]) as scanner:
        async for _ in scanner.scan(make_transaction(f"/{n}") for n in range(1000)):
            break
        await scanner.executors[1].terminate_execution()


async def test_cancelled_consumer() -> None:
    """A consumer that is cancelled in mid-scan ends the scanner without waiting for its plugins."""
    async with nothing_left():
        scanner = Scanner([named("a"), named("blocks", BLOCKS, timeout_s=600)])
        seen: list[str] = []

        async def consume() -> None:
            async with scanner:
                async for result in scanner.scan(transactions(10)):
                    seen.append(result.plugin_id)  # noqa: PERF401  # the test looks on

        task = asyncio.create_task(consume())
        await until(lambda: seen == ["a"], "the first result")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert {executor.state for executor in scanner.executors} == {"closed"}


async def test_two_scans_one_after_the_other() -> None:
    """A scanner may be given several inputs; coverage adds up."""
    async with Scanner([named("a"), named("b")]) as scanner:
        for _ in range(2):
            assert len(await collect(scanner.scan(transactions(10)))) == 20
    assert scanner.coverage.transactions == 20
    assert scanner.coverage.scans == 40


async def test_executor_that_is_shut_down() -> None:
    """An executor that somebody else ends breaks the scan with an error, never with a hang."""
    executors = [named("a"), named("b")]
    async with Scanner(executors) as scanner:
        await executors[1].shutdown()
        with pytest.raises(Exception, match="shut down"):
            await asyncio.wait_for(collect(scanner.scan(transactions(10))), 30)


#: Says which isolate it runs in, and computes for a few milliseconds or not at all.
COSTLY = """
const born = `${Math.random()}`;
export function scan_transaction(transaction) {
  const until = performance.now() + COST;
  while (performance.now() < until);
  return { title: transaction.id, location: born };
}
"""


def costly(name: str, cost_ms: float, **options: Any) -> PluginExecutor:
    """A plugin that takes so long for each transaction."""
    return PluginExecutor(PluginMetadata(id=name), COSTLY.replace("COST", str(cost_ms)), **options)


async def isolates_seen(
    executors: list[PluginExecutor], *, workers: int, name: str, wanted: int
) -> tuple[dict[str, set[str]], list[HttpTransaction], list[ScanResult]]:
    """Scans until plugin `name` ran in as many isolates as wanted; which ones each plugin ran in."""
    seen: dict[str, set[str]] = {}
    given: list[HttpTransaction] = []
    deadline = time.monotonic() + 60

    def endless() -> Iterator[HttpTransaction]:
        while len(seen.get(name, ())) < wanted and time.monotonic() < deadline:
            given.append(make_transaction())
            yield given[-1]

    results = []
    async with Scanner(executors, workers=workers) as scanner:
        async for result in scanner.scan(endless()):
            results.append(result)
            seen.setdefault(result.plugin_id, set()).add(result.findings[0].location)
        assert scanner.coverage.scans == len(results) == len(given) * len(executors)
    return seen, given, results


async def test_workers_share_one_plugin() -> None:
    """With more processors than plugins a costly plugin runs in several processes, in order."""
    executor = costly("p", 2)
    seen, given, results = await isolates_seen([executor], workers=2, name="p", wanted=2)
    assert len(seen["p"]) == 2
    stats = executor.get_stats()
    assert stats.total_executions == stats.verdicts[Verdict.FINDINGS] == len(given)
    assert stats.scan_latency.p50_ms is not None
    assert stats.scan_latency.p50_ms >= 1.5
    assert [result.findings[0].title for result in results] == [one.id for one in given]


async def test_the_slow_plugin_gets_the_idle_processors() -> None:
    """One plugin that takes longer than the others together is what more isolates are for."""
    executors = [costly("fast", 0), costly("slow", 3), costly("other", 0)]
    seen, given, results = await isolates_seen(executors, workers=4, name="slow", wanted=2)
    assert 2 <= len(seen["slow"]) <= 4
    # Three more in all. On a busy machine another may have looked slow for a moment.
    assert sum(map(len, seen.values())) <= 6
    assert [result.transaction_id for result in results] == [one.id for one in given for _ in executors]
    assert [result.plugin_id for result in results[:3]] == ["fast", "slow", "other"]


async def test_a_group_grows_as_a_whole() -> None:
    """Plugins that share an isolate share the next one too."""
    executors = [costly(name, 1, isolate_per="group") for name in ("a", "b", "c")]
    seen, given, results = await isolates_seen(executors, workers=2, name="c", wanted=2)
    assert [result.plugin_id for result in results[:3]] == ["a", "b", "c"]
    assert [result.findings[0].title for result in results] == [one.id for one in given for _ in executors]
    assert len(seen["a"] | seen["b"] | seen["c"]) == 6, "each plugin has a module of its own in each isolate"


async def test_further_isolates_run_the_same_code(tmp_path: Path) -> None:
    """A file that is edited during a run is not read again for an isolate that is added."""
    file = tmp_path / "plugin.js"
    file.write_text(COSTLY.replace("COST", "2"))
    executor = PluginExecutor.from_file(file)
    async with Scanner([executor], workers=2) as scanner:
        file.write_text("export const scan_transaction = () => ({ title: 'edited', location: 'edited' });")
        seen: set[str] = set()
        async for result in scanner.scan(make_transaction() for _ in range(100_000)):
            assert result.findings[0].title == result.transaction_id
            seen.add(result.findings[0].location)
            if len(seen) == 2:
                break
    assert len(seen) == 2


async def test_few_transactions_need_one_worker() -> None:
    """A process more is not worth it for a handful."""
    executor = make_executor(
        "const born = Math.random(); export const scan_transaction = () => ({ title: `${born}` });"
    )
    async with Scanner([executor], workers=4) as scanner:
        results = [result async for result in scanner.scan([make_transaction() for _ in range(20)])]
    assert len({result.findings[0].title for result in results}) == 1


@pytest.mark.parametrize("workers", [0, -1, 1025])
async def test_wrong_number_of_workers(workers: int) -> None:
    """There is at least one worker, and not a thousand."""
    with pytest.raises(ConfigError, match="workers"):
        Scanner([make_executor()], workers=workers)
