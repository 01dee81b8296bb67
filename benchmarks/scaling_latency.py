"""Latency against load: calls arrive when they are due, whether or not those before them have ended.

Arrivals are a Poisson process of a fixed seed. A call's time counts from the moment it was due, so a
caller that was late to make it, or was held back, does not hide what a user would have waited.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Callable, Sequence
from itertools import accumulate, cycle

import psutil

from isoscan import HttpTransaction, Limits, PluginExecutor, PluginMetadata
from isoscan._dispatch import MAX_FRAMES
from isoscan.errors import IsoscanError
from isoscan.sandbox.generation import MAX_FRAME_SCANS

from .figures import percentile
from .scaling_records import LoadCurve, LoadPoint, LoadRound, ScalingReport, times_ms
from .workloads import CPU_PLUGIN, Workload, cpu, regex

_SEED = 20_260_301
_CALLERS = 256
_SAMPLE_S = 0.02
#: So many calls without a result, and a caller who refuses rather than waits refuses the next.
_MOST_OUTSTANDING = 256


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are exact: `select` waits for microseconds, `epoll` for whole milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _work() -> Workload:
    """A tenth of the work of `cpu`: about 0.1 ms, so the isolate is what is full, not its owner."""
    base = cpu()
    text = type(base.plugins[0])("work", CPU_PLUGIN.replace("450_000", "45_000"))
    return Workload(name="work", about="", plugins=[text], transactions=base.transactions)


class Arrivals:
    """One stretch of calls, made when they are due; `most` outstanding, or the next is refused.

    `taken_s`: from due to result, of every call that did not fail. `late_s`: from due to made.
    """

    def __init__(
        self, executor: PluginExecutor, transactions: Sequence[HttpTransaction], most: int | None
    ) -> None:
        self._executor = executor
        self._ring = cycle(transactions)
        self._most = most
        self._calls: set[asyncio.Task[None]] = set()
        self._is_over = False
        self.taken_s: list[float] = []
        self.late_s: list[float] = []
        self.refused = self.failed = self.ended_in_time = 0
        self.executor_peak = self.outstanding_peak = 0
        self._owner = psutil.Process()
        #: Resident memory of owner and generation.
        self.start_bytes = self._weigh()
        self.peak_bytes = self.start_bytes

    def _weigh(self) -> tuple[int, int]:
        return self._owner.memory_info().rss, self._executor.get_stats().rss_bytes or 0

    async def _call(self, due: float) -> None:
        try:
            await self._executor.scan_transaction(next(self._ring))
        except Exception:  # noqa: BLE001  # counted, and told in the report: no call may go missing
            self.failed += 1
            return
        self.taken_s.append(time.perf_counter() - due)
        self.ended_in_time += not self._is_over

    def _make_due(self, due: float, now: float) -> None:
        self.late_s.append(now - due)
        if self._most is not None and len(self._calls) >= self._most:
            self.refused += 1
            return
        call = asyncio.create_task(self._call(due), name="call")
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    def _look(self) -> None:
        sizes = self._weigh()
        owner, generation = self.peak_bytes
        self.peak_bytes = max(owner, sizes[0]), max(generation, sizes[1])
        self.executor_peak = max(self.executor_peak, self._executor.load)

    async def run(self, moments_s: Sequence[float]) -> float:
        """Makes every call when it is due and waits for all; how long the arrivals took, in seconds."""
        began = time.perf_counter()
        look_at = began
        try:
            for moment_s in moments_s:
                due = began + moment_s
                while (now := time.perf_counter()) < due:  # noqa: ASYNC110  # no event tells the time
                    await asyncio.sleep(due - now)
                # A caller that is behind gives way now and then, as one that reads sockets does.
                if len(self.late_s) % 64 == 0:
                    await asyncio.sleep(0)
                self._make_due(due, now)
                self.outstanding_peak = max(self.outstanding_peak, len(self._calls))
                if now >= look_at:
                    self._look()
                    look_at = now + _SAMPLE_S
            elapsed_s = time.perf_counter() - began
            self._is_over = True
            self._look()
            while self._calls:
                await asyncio.wait(list(self._calls)[:_CALLERS])
        finally:
            for call in self._calls:
                call.cancel()
        return elapsed_s


async def _capacity(
    executor: PluginExecutor, transactions: Sequence[HttpTransaction], seconds: float
) -> float:
    """Calls per second with so many always outstanding, each in a task of its own as arrivals are."""
    ring = cycle(transactions)
    began = time.perf_counter()

    async def caller() -> int:
        calls = 0
        while time.perf_counter() < began + seconds:
            await asyncio.create_task(executor.scan_transaction(next(ring)))
            calls += 1
        return calls

    calls = sum(await asyncio.gather(*(caller() for _ in range(_CALLERS))))
    return calls / (time.perf_counter() - began)


async def _round(
    executor: PluginExecutor,
    transactions: Sequence[HttpTransaction],
    curve: LoadCurve,
    share: float,
    seconds: float,
) -> LoadRound:
    capacity_before = await _capacity(executor, transactions, seconds / 4)
    offered = capacity_before * share
    chance = random.Random(f"{_SEED} {share}")  # noqa: S311  # the same arrivals in every run
    count = max(int(offered * seconds), 1)
    moments_s = list(accumulate(chance.expovariate(offered) for _ in range(count)))
    arrivals = Arrivals(executor, transactions, curve.most_outstanding)
    elapsed_s = await arrivals.run(moments_s)
    p50_ms, p99_ms, p999_ms = times_ms(arrivals.taken_s)
    return LoadRound(
        capacity_before=capacity_before,
        capacity_after=await _capacity(executor, transactions, seconds / 4),
        offered=offered,
        arrivals=count,
        refused=arrivals.refused,
        failed=arrivals.failed,
        throughput=arrivals.ended_in_time / elapsed_s,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        p999_ms=p999_ms,
        late_ms=percentile(arrivals.late_s, 0.99) * 1000,
        executor_peak=arrivals.executor_peak,
        outstanding_peak=arrivals.outstanding_peak,
        owner_growth_bytes=arrivals.peak_bytes[0] - arrivals.start_bytes[0],
        generation_growth_bytes=arrivals.peak_bytes[1] - arrivals.start_bytes[1],
    )


def _curves() -> list[tuple[LoadCurve, Workload]]:
    bound = Limits().queue_size + MAX_FRAMES * MAX_FRAME_SCANS
    work = "about 0.1 ms of arithmetic: the isolate is the bottleneck"
    ordinary = "six expressions over HTML of 4 KB: isolate and owner are busy"
    refusing = f"a caller with {_MOST_OUTSTANDING} calls outstanding refuses the next"
    return [
        (
            LoadCurve(name=name, title=title, about=about, most_outstanding=most, executor_bound=bound),
            workload,
        )
        for name, title, about, most, workload in (
            ("work", "0.1 ms plugin, callers wait", work, None, _work()),
            (
                "work-refusing",
                "0.1 ms plugin, callers refuse",
                f"{work}; {refusing}",
                _MOST_OUTSTANDING,
                _work(),
            ),
            ("regex", "regex plugin, callers wait", ordinary, None, regex()),
        )
    ]


async def measure(
    report: ScalingReport,
    shares: Sequence[float],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> None:
    """All loads of all curves; every round has its own measured capacity."""
    for curve, workload in _curves():
        report.loads.append(curve)
        say(f"latency against load: {curve.title}")
        curve.points = [LoadPoint(share=share) for share in shares]
        try:
            await _loads(curve, workload, rounds, seconds)
        except (IsoscanError, RuntimeError) as error:
            curve.failure = f"{type(error).__name__}: {error}"


async def _loads(curve: LoadCurve, workload: Workload, rounds: int, seconds: float) -> None:
    (text,) = workload.plugins
    transactions = workload.transactions
    async with PluginExecutor(PluginMetadata(id=text.id), text.code) as executor:
        await _capacity(executor, transactions, seconds / 2)  # warms up
        for _ in range(rounds):
            for point in curve.points:
                point.rounds.append(await _round(executor, transactions, curve, point.share, seconds))
