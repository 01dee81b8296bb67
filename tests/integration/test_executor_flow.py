"""Queue, cancellation, stats and shutdown with the real Deno."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

from isoscan import (
    ExecutorStateError,
    HttpTransaction,
    IsoscanError,
    PluginMetadata,
    ScanInterrupted,
    Verdict,
)
from support.builders import ECHO, is_echo, make_executor, make_transaction, scan
from support.watching import begin, belongings, child_pids, generation_pids, until

LOOPS = """
export function scan_transaction(t) {
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""
SLOW = """
export async function scan_transaction(t) {
  await new Promise((done) => setTimeout(done, 20));
  return { title: t.id };
}"""
#: What may be in flight beside the queue: three frames of 128 scans.
IN_FLIGHT_MAX = 1536


# ---- the queue -----------------------------------------------------------------------------


@pytest.mark.parametrize("queue_size", [1, 3, 50])
async def test_queue_is_never_longer_than_its_size(queue_size: int) -> None:
    """However many callers come at once, no more than `queue_size` scans wait."""
    longest = 0
    async with make_executor(queue_size=queue_size) as executor:

        async def call() -> None:
            nonlocal longest
            transaction = make_transaction()
            findings = await executor.scan_transaction(transaction)
            longest = max(longest, executor.get_stats().queued)
            assert [finding.title for finding in findings] == [transaction.id]

        calls = [begin(call()) for _ in range(300)]
        while not all(c.done() for c in calls):
            longest = max(longest, executor.get_stats().queued)
            await asyncio.sleep(0)
        await asyncio.gather(*calls)
    assert longest <= queue_size


async def test_queue_holds_callers_back_while_the_slot_is_busy() -> None:
    """Behind a loop exactly `queue_size` scans are queued and the rest of the callers wait outside."""
    async with make_executor(LOOPS, queue_size=5, timeout_s=60.0) as executor:
        loop = begin(scan(executor, make_transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the loop in flight")
        calls = [begin(executor.scan_transaction(make_transaction())) for _ in range(IN_FLIGHT_MAX + 50)]
        for _ in range(50):
            await asyncio.sleep(0)
            assert executor.get_stats().queued <= 5
        await executor.terminate_execution()
        await loop
        assert all(await asyncio.gather(*calls))


@pytest.mark.parametrize("queue_size", [1, 10])
async def test_input_is_read_lazily(queue_size: int) -> None:
    """`scan_many` takes no more from its input than the queue and the frames in flight hold."""
    taken = 0

    def endless() -> Iterator[HttpTransaction]:
        nonlocal taken
        while True:
            taken += 1
            yield make_transaction()

    async with make_executor(queue_size=queue_size) as executor:
        given = 0
        results = executor.scan_many(endless())
        async for result in results:
            given += 1
            assert is_echo(result)
            assert taken - given <= queue_size + IN_FLIGHT_MAX + 1
            if given == 2000:
                break
        await results.aclose()  # type: ignore[attr-defined]
        await until(lambda: executor.get_stats().in_flight == 0, "nothing in flight")
        assert executor.get_stats().queued == 0
        assert is_echo(await scan(executor, make_transaction()))


async def test_async_input() -> None:
    """An async iterable is scanned as it comes; a result does not wait for the next transaction."""
    gate: asyncio.Queue[HttpTransaction | None] = asyncio.Queue()

    async def live() -> AsyncIterator[HttpTransaction]:
        while (transaction := await gate.get()) is not None:
            yield transaction

    async with make_executor() as executor:
        results = aiter(executor.scan_many(live()))
        for _ in range(3):
            transaction = make_transaction()
            gate.put_nowait(transaction)
            async with asyncio.timeout(20):
                assert (await anext(results)).transaction_id == transaction.id
        gate.put_nowait(None)
        with pytest.raises(StopAsyncIteration):
            await anext(results)


async def test_input_that_raises() -> None:
    """An error of the input reaches the caller, and what was accepted before has its result."""

    def broken() -> Iterator[HttpTransaction]:
        for _ in range(10):
            yield make_transaction()
        raise OSError("the file ends here")

    given = 0
    async with make_executor() as executor:
        with pytest.raises(OSError, match="the file ends here"):
            async for result in executor.scan_many(broken()):
                assert is_echo(result)
                given += 1
        assert given == 10
        assert is_echo(await scan(executor, make_transaction()))


@pytest.mark.parametrize("empty", [[], ()])
async def test_empty_input(empty: list[HttpTransaction]) -> None:
    """No input, no result."""
    async with make_executor() as executor:
        assert [result async for result in executor.scan_many(empty)] == []


async def test_order_with_failures_between() -> None:
    """Results come in input order, failures in their place."""
    code = """
    export function scan_transaction(t) {
      const n = Number(new URL(t.request.url).pathname.slice(1));
      if (n % 5 === 1) throw new Error("x");
      if (n % 5 === 2) return { title: 1 };
      if (n % 5 === 3) return;
      if (n % 5 === 4) return new Promise((done) => setTimeout(done, 1, { title: t.id }));
      return { title: t.id };
    }"""
    wanted = [Verdict.FINDINGS, Verdict.ERROR, Verdict.INVALID_FINDINGS, Verdict.CLEAN, Verdict.FINDINGS]
    async with make_executor(code) as executor:
        transactions = [make_transaction(f"/{n}") for n in range(300)]
        results = [result async for result in executor.scan_many(transactions)]
        stats = executor.get_stats()
    assert [result.transaction_id for result in results] == [t.id for t in transactions]
    assert [result.verdict for result in results] == wanted * 60
    assert stats.total_executions == stats.current_instance_executions == 300
    assert stats.verdicts[Verdict.FINDINGS] == 120
    assert stats.generation == 1


async def test_two_streams_share_an_executor() -> None:
    """Several `scan_many` at once each get their own results in their own order."""
    async with make_executor(queue_size=7) as executor:

        async def stream() -> None:
            transactions = [make_transaction() for _ in range(400)]
            results = [result async for result in executor.scan_many(transactions)]
            assert [result.transaction_id for result in results] == [t.id for t in transactions]
            assert all(map(is_echo, results))

        await asyncio.gather(*(stream() for _ in range(5)))


# ---- cancellation ----------------------------------------------------------------------------


async def test_cancelled_caller_leaves_nothing() -> None:
    """Callers cancelled in the queue, in flight and before the queue leave the slot as it was."""
    async with make_executor(SLOW, queue_size=5) as executor:
        calls = [begin(executor.scan_transaction(make_transaction())) for _ in range(IN_FLIGHT_MAX + 40)]
        await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
        for call in calls:
            call.cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) > 0
        assert executor.get_stats().queued == 0
        assert is_echo(await scan(executor, make_transaction()))


async def test_cancelled_loop_still_times_out() -> None:
    """A caller that leaves does not turn its looping scan into a stuck slot."""
    async with make_executor(LOOPS, timeout_s=0.3) as executor:
        call = begin(executor.scan_transaction(make_transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert is_echo(await scan(executor, make_transaction()))


async def test_every_second_caller_is_cancelled() -> None:
    """The other half gets its own findings."""
    async with make_executor(queue_size=10) as executor:
        transactions = [make_transaction() for _ in range(400)]
        calls = [begin(executor.scan_transaction(t)) for t in transactions]
        for turn in range(0, 400, 2):
            if turn % 20 == 0:
                await asyncio.sleep(0)
            calls[turn].cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        for transaction, outcome in list(zip(transactions, outcomes, strict=True))[1::2]:
            assert not isinstance(outcome, BaseException)
            assert [finding.title for finding in outcome] == [transaction.id]


async def test_timeout_of_the_caller() -> None:
    """`asyncio.timeout` around a scan works and the executor serves on."""
    async with make_executor(LOOPS, timeout_s=60.0) as executor:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await executor.scan_transaction(make_transaction("/loop"))
        await executor.terminate_execution()
        assert is_echo(await scan(executor, make_transaction()))


async def test_start_is_cancelled() -> None:
    """A start given up leaves no process and can be repeated."""
    executor = make_executor("await new Promise((done) => setTimeout(done, 300));\n" + ECHO)
    start = begin(executor.start())
    await until(lambda: len(generation_pids()) == 1, "a process")
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not child_pids()
    await executor.start()
    assert is_echo(await scan(executor, make_transaction()))
    await executor.shutdown()


# ---- stats ---------------------------------------------------------------------------------


async def test_stats_while_busy_looping() -> None:
    """Asking a thousand times while a scan loops never waits for it."""
    async with make_executor(LOOPS, timeout_s=60.0) as executor:
        loop = begin(scan(executor, make_transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the loop in flight")
        for _ in range(1000):
            stats = executor.get_stats()
        assert not loop.done()
        assert (stats.state, stats.in_flight) == ("serving", 1)
        assert stats.rss_bytes is not None
        assert stats.rss_bytes > 0
        await executor.terminate_execution()
        assert (await loop).verdict is Verdict.INTERRUPTED


async def test_stats_over_a_life() -> None:
    """Counts, latencies and memory say what happened."""
    executor = make_executor(max_executions_before_restart=7)
    stats = executor.get_stats()
    assert (stats.state, stats.total_executions, stats.rss_bytes) == ("new", 0, None)
    assert stats.max_executions_before_restart == 7
    async with executor:
        for _ in range(20):
            await executor.scan_transaction(make_transaction())
        await executor.restart()
        await executor.scan_transaction(make_transaction())
        stats = executor.get_stats()
        assert (stats.total_executions, stats.current_instance_executions) == (21, 1)
        assert stats.heap_used_bytes is not None
        assert stats.scan_latency.p50_ms is not None
        assert stats.queue_latency.max_ms is not None
        assert (stats.queued, stats.in_flight) == (0, 0)
    assert executor.get_stats().state == "closed"
    assert executor.get_stats().rss_bytes is None


# ---- shutdown ------------------------------------------------------------------------------------


async def test_shutdown_drains() -> None:
    """Accepted scans are finished, later ones refused."""
    executor = make_executor(SLOW, queue_size=100)
    await executor.start()
    transactions = [make_transaction() for _ in range(30)]
    calls = [begin(executor.scan_transaction(t)) for t in transactions]
    await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
    closing = begin(executor.shutdown())
    await asyncio.sleep(0)
    with pytest.raises(ExecutorStateError):
        await executor.scan_transaction(make_transaction())
    found = await asyncio.gather(*calls)
    assert [findings[0].title for findings in found] == [t.id for t in transactions]
    await closing
    assert not child_pids()


async def test_shutdown_without_draining() -> None:
    """Everything accepted ends at once as interrupted, a loop included."""
    executor = make_executor(LOOPS, timeout_s=60.0, queue_size=5)
    await executor.start()
    calls = [begin(executor.scan_transaction(make_transaction("/loop"))) for _ in range(3)]
    await until(lambda: executor.get_stats().in_flight == 3, "scans in flight")
    await executor.shutdown(drain=False)
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, ScanInterrupted)
    assert not child_pids()


async def test_callers_held_back_are_told() -> None:
    """Callers that wait for room are not left waiting for ever."""
    executor = make_executor(LOOPS, timeout_s=60.0, queue_size=1)
    await executor.start()
    loop = begin(executor.scan_transaction(make_transaction("/loop")))
    await until(lambda: executor.get_stats().in_flight == 1, "the loop in flight")
    calls = [begin(executor.scan_transaction(make_transaction("/loop"))) for _ in range(IN_FLIGHT_MAX + 20)]
    await until(lambda: executor.get_stats().queued == 1, "a full queue")
    await executor.shutdown(drain=False)
    for outcome in await asyncio.gather(loop, *calls, return_exceptions=True):
        assert isinstance(outcome, IsoscanError)


async def test_shutdown_twice() -> None:
    """Shutting down again, at once or later, does nothing."""
    executor = make_executor()
    await executor.start()
    await asyncio.gather(executor.shutdown(), executor.shutdown(), executor.shutdown(drain=False))
    await executor.shutdown()
    assert executor.get_stats().state == "closed"


async def test_impatient_shutdown() -> None:
    """A second shutdown without draining ends the first one's waiting."""
    executor = make_executor(LOOPS, timeout_s=60.0)
    await executor.start()
    call = begin(executor.scan_transaction(make_transaction("/loop")))
    await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
    patient = begin(executor.shutdown())
    await asyncio.sleep(0)
    await executor.shutdown(drain=False)
    await patient
    with pytest.raises(ScanInterrupted):
        await call


@pytest.mark.parametrize("drain", [True, False])
@pytest.mark.parametrize("overlap", [True, False])
async def test_shutdown_while_restarting(drain: bool, overlap: bool) -> None:
    """A restart under way is given up or finished; every scan ends and nothing is left."""
    executor = make_executor("await new Promise((done) => setTimeout(done, 100));\n" + SLOW)
    await executor.start()
    transactions = [make_transaction() for _ in range(20)]
    calls = [begin(executor.scan_transaction(t)) for t in transactions]
    await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
    restart = begin(executor.restart(overlap=overlap))
    await asyncio.sleep(0.01)
    await executor.shutdown(drain=drain)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    (restarted,) = await asyncio.gather(restart, return_exceptions=True)
    assert not isinstance(restarted, BaseException) or isinstance(
        restarted, (IsoscanError, asyncio.CancelledError)
    )
    for outcome in outcomes:
        if drain:
            assert not isinstance(outcome, BaseException)
        else:
            assert not isinstance(outcome, BaseException) or isinstance(outcome, ScanInterrupted)
    assert not child_pids()


@pytest.mark.parametrize("drain", [True, False])
async def test_shutdown_while_recovering(drain: bool) -> None:
    """A death just before the shutdown loses nothing that is drained."""
    executor = make_executor(SLOW)
    await executor.start()
    calls = [begin(executor.scan_transaction(make_transaction())) for _ in range(20)]
    await until(lambda: executor.get_stats().in_flight > 0, "scans in flight")
    for pid in generation_pids():
        psutil.Process(pid).kill()
    await until(lambda: executor.get_stats().state == "recovering", "the recovery")
    await executor.shutdown(drain=drain)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    if drain:
        assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert not child_pids()


async def test_error_in_the_block_does_not_drain() -> None:
    """Leaving `async with` by an exception ends at once."""
    executor = make_executor(LOOPS, timeout_s=60.0)
    with pytest.raises(KeyError):
        async with executor:
            call = begin(executor.scan_transaction(make_transaction("/loop")))
            await until(lambda: executor.get_stats().in_flight == 1, "the scan in flight")
            raise KeyError
    with pytest.raises(ScanInterrupted):
        await call


async def test_shutdown_during_a_stream() -> None:
    """A `scan_many` under way ends: with results, or with the executor's state error, never by hanging."""
    executor = make_executor(SLOW, queue_size=10)
    await executor.start()
    given = []

    async def stream() -> None:
        async for result in executor.scan_many(make_transaction() for _ in range(5000)):
            given.append(result)  # noqa: PERF401 -- what came before an error counts, too

    work = begin(stream())
    await until(lambda: len(given) > 2, "some results")
    await executor.shutdown(drain=False)
    async with asyncio.timeout(20):
        (outcome,) = await asyncio.gather(work, return_exceptions=True)
    assert outcome is None or isinstance(outcome, IsoscanError)
    assert {result.verdict for result in given} <= {Verdict.FINDINGS, Verdict.INTERRUPTED}


async def test_fifty_lives_leave_nothing() -> None:
    """Descriptors, tasks and processes do not grow over starts, restarts, deaths and shutdowns."""
    before = belongings()
    for _ in range(10):
        async with make_executor(LOOPS, timeout_s=0.1) as executor:
            await scan(executor, make_transaction())
            await executor.restart()
            await executor.restart(overlap=False)
            await scan(executor, make_transaction("/loop"))
            await scan(executor, make_transaction())
    assert belongings() == before


async def test_regular_expressions_can_be_made_to_end() -> None:
    """What would backtrack for longer than the universe lasts is clean in the linear-time engine."""
    code = "export function scan_transaction(t) { return /^(a+)+$/.test('a'.repeat(50) + '!') ? [{}] : []; }"
    async with make_executor(code, timeout_s=0.3) as executor:
        assert (await scan(executor, make_transaction())).verdict is Verdict.TIMEOUT
    async with make_executor(code, regexp_backtracks=50_000) as executor:
        assert (await scan(executor, make_transaction())).verdict is Verdict.CLEAN


async def test_more_generations_than_a_child_may_have_descriptors() -> None:
    """Dozens of generations of one owner live side by side, each with its own answer."""
    executors = [make_executor(metadata=PluginMetadata(id=f"plugin-{number}")) for number in range(72)]
    try:
        await asyncio.gather(*(executor.start() for executor in executors))
        results = await asyncio.gather(*(scan(executor, make_transaction()) for executor in executors))
        assert all(map(is_echo, results))
        assert {executor.get_stats().generation for executor in executors} == {1}
    finally:
        await asyncio.gather(*(executor.shutdown() for executor in executors))


async def test_finished_scans_are_not_held_back() -> None:
    """What took some milliseconds is answered while a later scan of its frame runs, and not run again."""
    code = """export function scan_transaction(t) {
      const busy_ms = t.request.url.endsWith("/last") ? Infinity : t.request.url.endsWith("/long") ? 5 : 0;
      for (const end = performance.now() + busy_ms; performance.now() < end;);
    }"""
    paths = ["/quick"] * 400 + ["/long", "/last"]
    async with make_executor(code, timeout_s=1.0) as executor:
        results = [result async for result in executor.scan_many(map(make_transaction, paths))]
    assert {(result.verdict, result.generation) for result in results[:-1]} == {(Verdict.CLEAN, 1)}
    assert results[-1].verdict is Verdict.TIMEOUT


async def test_streams_leave_nothing_in_memory() -> None:
    """Whatever a stream kept between what was read and what was handed out is gone with it."""
    async with make_executor() as executor:
        for count in (1, 3, 200):
            results = [
                result async for result in executor.scan_many(make_transaction() for _ in range(count))
            ]
            assert len(results) == count
        async for _ in executor.scan_many(make_transaction() for _ in range(500)):
            break  # the rest is withdrawn, and forgotten when it is answered

        def is_forgotten() -> bool:
            gc.collect()
            return not any(type(each).__module__ == "isoscan._stream" for each in gc.get_objects())

        await until(is_forgotten, "an end of what streams kept")


async def test_refused_scans_leave_others_their_turn() -> None:
    """A stream whose scans are all refused at once does not keep the event loop to itself."""
    async with make_executor(LOOPS, timeout_s=0.05, max_consecutive_deaths=1, quarantine_s=60.0) as executor:
        assert (await scan(executor, make_transaction("/loop"))).verdict is Verdict.TIMEOUT
        await until(lambda: executor.get_stats().state == "quarantined", "a quarantine")
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = begin(count_turns())
        results = [result async for result in executor.scan_many(make_transaction() for _ in range(20_000))]
        counting.cancel()
    assert {result.verdict for result in results} == {Verdict.SKIPPED}
    assert len(results) == 20_000
    assert turns >= 8
