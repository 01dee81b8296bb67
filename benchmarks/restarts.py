"""What restarts cost and that they lose nothing: `python -m benchmarks.restarts [--quick]`.

Each line is measured in this run. Ratios compare with the same work without restarts,
interleaved in rounds; the median round is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise

from isoscan import (
    AdaptiveInterval,
    Event,
    EventKind,
    HttpRequest,
    HttpTransaction,
    MaxExecutions,
    PluginExecutor,
    PluginMetadata,
    Verdict,
)
from isoscan.events import EventHook
from isoscan.policies import RestartPolicy

ECHO = "export function scan_transaction(t) { return { title: t.id }; }"
CLEAN = "export function scan_transaction(t) {}"
#: About what it takes a scan at the rate the design note was measured with, 26,300 a second.
WORKING = """
export function scan_transaction(t) {
  const until = performance.now() + 0.035;
  while (performance.now() < until);
}"""
LEAK = "const kept = []; export function scan_transaction(t) { kept.push(new Array(256).fill(0.5)); }"
MIB = 1024 * 1024


def transactions(count: int) -> Iterator[HttpTransaction]:
    """Distinct small transactions."""
    for number in range(count):
        yield HttpTransaction(HttpRequest("GET", "http://bench.example/", id=str(number)))


async def run(
    code: str, count: int, policy: RestartPolicy | None = None, on_event: EventHook | None = None
) -> tuple[PluginExecutor, list[float]]:
    """Scans `count` transactions; the ended executor and the moments its results came."""
    executor = PluginExecutor(PluginMetadata(id="bench"), code, restart_policy=policy, on_event=on_event)
    moments: list[float] = []
    async with executor:
        async for result in executor.scan_many(transactions(count)):
            moments.append(time.perf_counter())
            if result.verdict not in (Verdict.CLEAN, Verdict.FINDINGS):
                raise SystemExit(f"scan {result.transaction_id} ended as {result.verdict}: {result.error}")
            if result.transaction_id != str(len(moments) - 1) or any(
                finding.title != result.transaction_id for finding in result.findings
            ):
                raise SystemExit(f"result {len(moments) - 1} belongs to {result.transaction_id}")
    return executor, moments


def rate(moments: list[float]) -> float:
    """Scans per second between the first and the last result."""
    return (len(moments) - 1) / (moments[-1] - moments[0])


async def first_result_of(executor: PluginExecutor, generation: int) -> None:
    """Scans one after the other until another generation than this answers."""
    while True:
        async for result in executor.scan_many(transactions(1)):
            if result.generation not in (0, generation):
                return


async def first_result(rounds: int) -> None:
    """From a restart that is asked for, or a SIGKILL, to the first result of the new generation.

    Nobody waits for a scan when the restart is asked for, so none of the old generation is measured; the
    first is asked for when the new one is ready. After the SIGKILL it is at once.
    """
    is_ready = asyncio.Event()

    def note(event: Event) -> None:
        if event.kind is EventKind.READY:
            is_ready.set()

    for warm_standby in (False, True):
        restart_ms: list[float] = []
        gone_ms: list[float] = []
        kill_ms: list[float] = []
        async with PluginExecutor(
            PluginMetadata(id="bench"), CLEAN, warm_standby=warm_standby, on_event=note
        ) as executor:
            for _ in range(rounds):
                await asyncio.sleep(0.2)  # a spare loads meanwhile, as it would between restarts
                number = executor.get_stats().generation
                is_ready.clear()
                began = time.perf_counter()
                restart = asyncio.create_task(executor.restart())
                await is_ready.wait()
                await first_result_of(executor, number)
                restart_ms.append((time.perf_counter() - began) * 1000)
                await restart
                gone_ms.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(0.2)
                number = executor.get_stats().generation
                occupant = executor._slot.occupant
                assert occupant is not None
                os.kill(occupant.pid, signal.SIGKILL)
                began = time.perf_counter()
                await first_result_of(executor, number)
                kill_ms.append((time.perf_counter() - began) * 1000)
        spare = ", warm standby" if warm_standby else ""
        for name, took_ms in (
            ("restart to first result", restart_ms),
            ("restart until the old process is gone", gone_ms),
            ("SIGKILL to next result", kill_ms),
        ):
            print(f"{name}{spare}: median {statistics.median(took_ms):.1f} ms of {rounds}")


async def throughput(code: str, name: str, count: int, rounds: int) -> None:
    """Throughput with restarts against none, interleaved."""
    ratios: dict[int, list[float]] = {10_000: [], 1_000: []}
    rates: list[float] = []
    for _ in range(rounds):
        rates.append(never := rate((await run(code, count))[1]))
        for every, found in ratios.items():
            found.append(rate((await run(code, count, MaxExecutions(every, jitter=0.0)))[1]) / never)
    for every, found in ratios.items():
        print(
            f"throughput of {name} ({statistics.median(rates):,.0f}/s), restart every {every:,} : never = "
            f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f} of {rounds})"
        )


async def gap(count: int, rounds: int) -> None:
    """Longest gap between two results around each restart, against the gaps of a run without."""
    to_tail: list[float] = []
    to_longest: list[float] = []
    for _ in range(rounds):
        _, steady = await run(CLEAN, count)
        restarts: list[float] = []

        def note(event: Event, restarts: list[float] = restarts) -> None:
            if event.kind is EventKind.RESTART:
                restarts.append(time.perf_counter())

        _, moments = await run(CLEAN, count, MaxExecutions(max(count // 10, 1), jitter=0.0), note)
        gaps = sorted(b - a for a, b in pairwise(steady))
        usual = gaps[int(len(gaps) * 0.999)]
        around = [
            max((b - a for a, b in pairwise(moments) if a < at + 0.05 and b > at - 0.05), default=0.0)
            for at in restarts
        ]
        to_tail.append(statistics.median(around) / usual)
        to_longest.append(statistics.median(around) / gaps[-1])
    print(
        f"longest gap around a restart : steady p99.9 = {statistics.median(to_tail):.2f}, "
        f": steady longest = {statistics.median(to_longest):.2f} (medians of {rounds})"
    )


async def none_lost(count: int) -> None:
    """A restart every 1,000 scans: every outcome once, in order, of its own transaction."""
    executor, moments = await run(ECHO, count, MaxExecutions(1000, jitter=0.0))
    stats = executor.get_stats()
    lost = count - len(moments)
    print(f"restart at 1,000: {count:,} scans, {stats.restart_count} restarts, {lost} lost or doubled")


async def leak(count: int) -> None:
    """A 2 kB leak under the adaptive policy: how close each life comes to the budget's optimum."""
    budget_bytes = 96 * MIB
    lives: list[int] = []

    def note(event: Event) -> None:
        if event.kind is EventKind.RETIRE and event.executions:
            lives.append(event.executions)

    executor, _ = await run(LEAK, count, AdaptiveInterval(memory_budget_bytes=budget_bytes, jitter=0.0), note)
    stats = executor.get_stats()
    floor_bytes = 4 * MIB  # a loaded generation's live heap
    leaked_bytes = 256 * 8 + 16
    optimum = (budget_bytes - floor_bytes) / leaked_bytes
    print(
        f"2 kB leak, {count:,} scans, budget {budget_bytes // MIB} MiB: {stats.restart_count} restarts, "
        f"optimum {count / optimum:.1f}; scans per life : optimum = "
        f"{statistics.median(lives) / optimum:.2f}, "
        f"most leaked : budget = {max(lives) * leaked_bytes / budget_bytes:.2f}, "
        f"first life {lives[0] * leaked_bytes / budget_bytes:.2f}"
    )


async def well_behaved(count: int) -> None:
    """A plugin that does not leak is never restarted, and does not grow."""
    executor, _ = await run(CLEAN, count, AdaptiveInterval(memory_budget_bytes=96 * MIB))
    stats = executor.get_stats()
    print(
        f"no leak, {count:,} scans: {stats.restart_count} restarts, {stats.policy_text or 'no growth known'}"
    )


async def main(quick: bool) -> None:
    """All of it, one line each."""
    rounds = 3 if quick else 7
    await first_result(15 if quick else 51)
    await throughput(CLEAN, "a trivial plugin", 60_000 if quick else 600_000, rounds)
    await throughput(WORKING, "a plugin of 35 us", 30_000 if quick else 300_000, rounds)
    await gap(100_000 if quick else 1_000_000, rounds)
    await none_lost(100_000 if quick else 1_000_000)
    await leak(200_000 if quick else 2_000_000)
    await well_behaved(200_000 if quick else 5_000_000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, fewer rounds")
    asyncio.run(main(parser.parse_args().quick))
